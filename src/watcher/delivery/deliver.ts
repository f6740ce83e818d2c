import { claim, markDeferred, markFailed, markSent, nextDue } from '../../db/outbox.ts';
import type { Db } from '../../db/pool.ts';
import { storable } from '../../domain/text.ts';
import type { Email, Mailer } from '../../mail/mailer.ts';
import { asError, CodedError, hasCode, messageOf } from '../../runtime/errors.ts';
import type { LogFields, Logger } from '../../runtime/logger.ts';
import { backoff } from '../../runtime/loop.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Reporter } from '../../runtime/report.ts';
import type { Collected, ComposeSettings } from './build-email.ts';
import { collect, compose } from './build-email.ts';
import type { Pace } from './send-rate.ts';

export interface DeliveryDependencies {
  readonly mailer: Mailer;
  readonly settings: ComposeSettings;
  readonly pace: Pace;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly reporter: Reporter;
  /** Longer than an email can be on its way to SES: nobody else sends it until then. */
  readonly leaseMilliseconds: number;
  /** Emails that SES took and the outbox doesn't know of, for want of a database: never to be sent again. */
  readonly taken: Taken[];
}

export interface Taken {
  readonly ids: readonly string[];
  readonly messageId: string | null;
}

/** How many alerts, not emails. */
export interface Delivery {
  readonly sent: number;
  readonly deferred: number;
  readonly failed: number;
}

const FIRST_RETRY_MILLISECONDS = 4_000;
const LONGEST_RETRY_MILLISECONDS = 3_600_000;
const MAX_ERROR_TEXT = 1_000;

/**
 * Delivers what is due in the outbox, in the order decided. The alerts of an email are marked right after SES took
 * it: only a death in between sends it twice. The lock of the caller's connection can break while SES is asked, so
 * each email is claimed first. Ends when nothing is due, SES asks for a pause or the signal
 * fires; the rest stays pending.
 */
export async function deliver(
  db: Db,
  dependencies: DeliveryDependencies,
  signal: AbortSignal,
): Promise<Delivery> {
  const { pace, taken } = dependencies;
  const totals = { sent: 0, deferred: 0, failed: 0 };
  await settle(db, taken);
  while (pace.pausedFor() <= 0 && !signal.aborted) {
    const alert = await nextDue(db);
    if (alert === null) break;
    await pace.turn(signal);
    if (signal.aborted) break;
    const collected = await collect(db, alert);
    // Another watcher, which took over the lock meanwhile, sends it.
    if (!(await claim(db, collected.ids, dependencies.leaseMilliseconds))) continue;
    const { outcome, alerts } = await deliverEmail(db, collected, dependencies);
    totals[outcome] += alerts;
  }
  return totals;
}

interface Attempt {
  readonly outcome: keyof Delivery;
  readonly alerts: number;
}

async function deliverEmail(
  db: Db,
  collected: Collected,
  dependencies: DeliveryDependencies,
): Promise<Attempt> {
  const { mailer, pace, logger, taken } = dependencies;
  const alerts = collected.ids.length;
  let messageId: string | null;
  try {
    const email = written(collected, dependencies.settings);
    // Not aborted by the shutdown: SES may have taken it already. The read timeout bounds it.
    messageId = await mailer.send(email, new AbortController().signal);
  } catch (thrown) {
    const outcome = await notTaken(db, collected, thrown, dependencies);
    tellEach(collected, outcome, logger);
    return { outcome, alerts };
  }
  pace.answered();
  // Before the mark: where that fails, the log is what knows of the email.
  logger.info(alerts === 1 ? 'alert sent' : 'alerts sent in one email', {
    ...about(collected),
    ses_message_id: messageId,
  });
  tellEach(collected, 'sent', logger, { ses_message_id: messageId });
  taken.push({ ids: collected.ids, messageId });
  await settle(db, taken);
  return { outcome: 'sent', alerts };
}

/** Marks as sent what SES took; what fails stays, for whoever comes next to do it before anything else. */
export async function settle(db: Db, taken: Taken[]): Promise<void> {
  for (let email = taken[0]; email !== undefined; email = taken[0]) {
    await markSent(db, email.ids, email.messageId);
    taken.shift();
  }
}

/** A template that fails does so again; its alerts must not stand in the way of all others. */
function written(collected: Collected, settings: ComposeSettings): Email {
  try {
    return compose(collected, settings);
  } catch (cause) {
    throw new CodedError('mail_refused', 'writing the email failed', { retryable: false, cause });
  }
}

async function notTaken(
  db: Db,
  collected: Collected,
  thrown: unknown,
  { pace, logger, metrics, reporter }: DeliveryDependencies,
): Promise<'deferred' | 'failed'> {
  const { alert, ids } = collected;
  if (!hasCode(thrown, 'mail_throttled', 'mail_unavailable', 'mail_refused')) throw thrown;
  const text = storable(messageOf(thrown), MAX_ERROR_TEXT);
  if (thrown.code === 'mail_throttled') {
    // The account's doing, not this alert's: everyone waits, in order, and nobody's attempts are used up.
    const wait = pace.throttled();
    // Due a little before the pause ends, so that it is still the first.
    await markDeferred(db, ids, text, wait * 0.8, false);
    metrics.increment('bec-alerts.watcher.errors', 1, { what: 'attempt' });
    logger.warning('SES asks to send less; all alerts wait', {
      ...about(collected),
      ...seconds(wait),
      error: asError(thrown),
    });
    return 'deferred';
  }
  if (!thrown.retryable) {
    pace.answered();
    await markFailed(db, ids, text);
    metrics.increment('bec-alerts.watcher.errors', ids.length, { what: 'alert' });
    reporter.report(asError(thrown), 'an alert is undeliverable and was given up', about(collected));
    return 'failed';
  }
  // Of this email alone, or of SES: then the others wait too.
  if (thrown.code === 'mail_refused') pace.answered();
  else pace.failed();
  const wait = backoff(alert.attempts + 1, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS);
  await markDeferred(db, ids, text, wait, true);
  metrics.increment('bec-alerts.watcher.errors', 1, { what: 'attempt' });
  logger.warning('an alert could not be delivered yet', {
    ...about(collected),
    attempt: alert.attempts + 1,
    ...seconds(wait),
    error: asError(thrown),
  });
  return 'deferred';
}

function about({ alert, ids }: Collected): LogFields {
  const { id, runId, trigger, groupId, bundle } = alert;
  if (bundle === null) return { alert: id, run: runId, trigger, group_id: groupId };
  return { bundle, run: runId, alerts: ids.length };
}

/** Of an email for several alerts each one, by its ids. */
function tellEach(
  { alert, bundle }: Collected,
  outcome: keyof Delivery,
  logger: Logger,
  fields: LogFields = {},
): void {
  for (const { id, trigger, groupId } of bundle?.members ?? []) {
    const ids = { alert: id, run: alert.runId, trigger, group_id: groupId };
    logger.debug(`alert ${outcome} among others`, { ...ids, ...fields });
  }
}

function seconds(milliseconds: number): { retry_in_seconds: number } {
  return { retry_in_seconds: Math.round(milliseconds / 100) / 10 };
}
