import { markDeferred, markFailed } from '../../db/outbox.ts';
import type { Db } from '../../db/pool.ts';
import { storable } from '../../domain/text.ts';
import { asError, hasCode, messageOf } from '../../runtime/errors.ts';
import type { LogFields, Logger } from '../../runtime/logger.ts';
import { backoff } from '../../runtime/loop.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Reporter } from '../../runtime/report.ts';
import type { BuiltEmail } from './build-email.ts';
import type { SendRate } from './send-rate.ts';

export interface RetryDependencies {
  readonly sendRate: SendRate;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly reporter: Reporter;
}

/** The wait before an alert's second attempt. It doubles with each attempt, up to an hour. */
const FIRST_RETRY_MILLISECONDS = 4_000;
const LONGEST_RETRY_MILLISECONDS = 3_600_000;
const MAX_ERROR_TEXT = 1_000;

/**
 * Handles an email that SES didn't accept.
 * - Throttled: all alerts wait, in order, and this doesn't count as an attempt.
 * - Refused for a reason that nobody can fix: its alerts are given up.
 * - Otherwise: its alerts are retried with exponential backoff.
 * @throws errors that have nothing to do with sending
 */
export async function handleFailure(
  db: Db,
  built: BuiltEmail,
  thrown: unknown,
  { sendRate, logger, metrics, reporter }: RetryDependencies,
): Promise<'deferred' | 'failed'> {
  if (!hasCode(thrown, 'mail_throttled', 'mail_unavailable', 'mail_refused')) throw thrown;
  const { alert, ids } = built;
  const text = storable(messageOf(thrown), MAX_ERROR_TEXT);
  const error = asError(thrown);
  if (thrown.code === 'mail_throttled') {
    const wait = sendRate.throttled();
    // It is due at once, so that it is still the first email after the pause, which holds up all of them.
    await markDeferred(db, ids, text, 0, false);
    metrics.increment('bec-alerts.watcher.errors', 1, { what: 'attempt' });
    logger.warning('SES throttles our emails; all alerts wait', { ...about(built), ...retryIn(wait), error });
    return 'deferred';
  }
  if (!thrown.retryable) {
    sendRate.answered();
    await markFailed(db, ids, text);
    metrics.increment('bec-alerts.watcher.errors', ids.length, { what: 'alert' });
    reporter.report(error, 'an alert was given up, because sending it again cannot help', about(built));
    return 'failed';
  }
  // A refusal concerns only this email. If SES itself fails, the other emails wait too.
  if (thrown.code === 'mail_refused') sendRate.answered();
  else sendRate.failed();
  const attempt = alert.attempts + 1;
  const wait = backoff(attempt, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS);
  await markDeferred(db, ids, text, wait, true);
  metrics.increment('bec-alerts.watcher.errors', 1, { what: 'attempt' });
  const fields = { ...about(built), attempt, ...retryIn(wait), error };
  logger.warning('an alert could not be delivered yet; it is tried again later', fields);
  return 'deferred';
}

/** The ids that identify an email in the log. */
export function about({ alert, ids }: BuiltEmail): LogFields {
  const { id, runId, trigger, groupId, bundle } = alert;
  if (bundle === null) return { alert: id, run: runId, trigger, group_id: groupId };
  return { bundle, run: runId, alerts: ids.length };
}

function retryIn(milliseconds: number): { retry_in_seconds: number } {
  return { retry_in_seconds: Math.round(milliseconds / 100) / 10 };
}
