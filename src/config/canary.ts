import { z } from 'zod';
import { isEmail } from './is-email.ts';
import { checkTogether, wholeNumber } from './values.ts';

export const canaryVariables = {
  // An hour has 120 canaries at most, so its set of events is exact.
  CANARY_INTERVAL: wholeNumber(30, 86_400).optional(),
  CANARY_EMAIL: z.string().trim().refine(isEmail, 'must be an email address (ASCII)').optional(),
};

interface CanarySettings {
  readonly CANARY_INTERVAL?: number | undefined;
  readonly CANARY_EMAIL?: string | undefined;
  readonly SIMULATE_SENTRY_DSN?: string | undefined;
}

/** Reports variables that have no effect without another one. */
export const canaryCheck = checkTogether<CanarySettings>(
  ({ CANARY_INTERVAL, CANARY_EMAIL, SIMULATE_SENTRY_DSN }, report) => {
    if (CANARY_INTERVAL !== undefined && SIMULATE_SENTRY_DSN === undefined)
      report('CANARY_INTERVAL', 'needs SIMULATE_SENTRY_DSN, the Sentry project that canaries are sent to');
    if (CANARY_EMAIL !== undefined && CANARY_INTERVAL === undefined)
      report('CANARY_EMAIL', 'has no effect without CANARY_INTERVAL');
  },
);
