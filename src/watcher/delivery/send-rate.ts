import { backoff, pause } from '../../runtime/loop.ts';

const FIRST_PAUSE_MILLISECONDS = 1_000;
const LONGEST_PAUSE_MILLISECONDS = 300_000;
/** Failures in a row, of any alerts, after which SES itself counts as failing. */
const PATIENCE = 3;
/** Emails a second. */
const SANDBOX_RATE = 1;
const ASK_AGAIN_MILLISECONDS = 300_000;

/** When the next email may leave: at the account's rate, and not while SES asks to be left alone. */
export interface SendRate {
  /** Waits for the turn of the next email. */
  turn(signal: AbortSignal): Promise<void>;
  /** Milliseconds until sending goes on; 0 or less while nothing holds it up. */
  pausedFor(): number;
  /** SES accepted or refused an email. */
  answered(): void;
  /** SES asked to send less. @returns for how many milliseconds */
  throttled(): number;
  /** SES failed or could not be reached; a pause follows once that happened three times in a row. */
  failed(): void;
}

/**
 * @param emailsPerSecond asked once, before the first email. Null where SES doesn't answer: then it is asked again after
 *   five minutes, and until it answers the rate is 1 a second, as in SES's sandbox
 */
export function createSendRate(
  emailsPerSecond: () => Promise<number | null>,
  random: () => number = Math.random,
  now: () => number = () => performance.now(),
): SendRate {
  let rate: number | null = null;
  let askAt = Number.NEGATIVE_INFINITY;
  let next = 0;
  let resume = 0;
  let throttles = 0;
  let failures = 0;
  const hold = (attempt: number) => {
    const wait = backoff(attempt, FIRST_PAUSE_MILLISECONDS, LONGEST_PAUSE_MILLISECONDS, random);
    resume = now() + wait;
    return wait;
  };
  return {
    async turn(signal) {
      if (rate === null && now() >= askAt) {
        askAt = now() + ASK_AGAIN_MILLISECONDS;
        rate = await emailsPerSecond();
      }
      await pause(Math.max(next, resume) - now(), signal);
      next = now() + 1_000 / (rate ?? SANDBOX_RATE);
    },
    pausedFor: () => resume - now(),
    answered() {
      throttles = 0;
      failures = 0;
    },
    throttled() {
      throttles += 1;
      return hold(throttles);
    },
    failed() {
      failures += 1;
      if (failures >= PATIENCE) hold(failures - PATIENCE + 1);
    },
  };
}
