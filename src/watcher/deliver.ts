import { dueAlerts, markDeferred, markFailed, markSent } from '../db/alerts.ts';
import type { Db } from '../db/pool.ts';
import type { Alert } from '../domain/alert.ts';
import type { Mailer } from '../mail/mailer.ts';
import { asError, hasCode, messageOf } from '../runtime/errors.ts';
import type { Logger } from '../runtime/logger.ts';
import { backoff } from '../runtime/loop.ts';
import type { Reporter } from '../runtime/report.ts';

export interface Delivery {
  readonly sent: number;
  readonly deferred: number;
  readonly failed: number;
}

const BATCH = 50;
const FIRST_RETRY_MILLISECONDS = 30_000;
const LONGEST_RETRY_MILLISECONDS = 3_600_000;
const MAX_ERROR_TEXT = 1_000;

/**
 * Delivers what is due in the outbox, in the order decided. Each alert is marked right after SES took it: only
 * a death in between sends it twice. Ends when nothing is due or the signal fires; the rest stays pending.
 */
export async function deliver(
  db: Db,
  mailer: Mailer,
  logger: Logger,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<Delivery> {
  const totals = { sent: 0, deferred: 0, failed: 0 };
  while (!signal.aborted) {
    const alerts = await dueAlerts(db, BATCH);
    for (const alert of alerts) {
      if (signal.aborted) break;
      totals[await deliverOne(db, mailer, alert, logger, reporter)] += 1;
    }
    if (alerts.length < BATCH) break;
  }
  return totals;
}

async function deliverOne(
  db: Db,
  mailer: Mailer,
  alert: Alert,
  logger: Logger,
  reporter: Reporter,
): Promise<keyof Delivery> {
  try {
    // Not aborted by the shutdown: SES may have taken it already. The read timeout bounds it.
    const messageId = await mailer.send(alert, new AbortController().signal);
    await markSent(db, alert.id, messageId);
    logger.info('alert sent', { alert: alert.id, trigger: alert.trigger, ses_message_id: messageId });
    return 'sent';
  } catch (thrown) {
    if (!hasCode(thrown, 'mail_throttled', 'mail_unavailable', 'mail_refused')) throw thrown;
    const text = messageOf(thrown).slice(0, MAX_ERROR_TEXT);
    if (!thrown.retryable) {
      await markFailed(db, alert.id, text);
      reporter.report(asError(thrown), 'an alert is undeliverable and was given up', {
        alert: alert.id,
        trigger: alert.trigger,
      });
      return 'failed';
    }
    const wait = backoff(alert.attempts + 1, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS);
    await markDeferred(db, alert.id, text, wait);
    logger.warning('an alert could not be delivered yet', {
      alert: alert.id,
      attempt: alert.attempts + 1,
      retry_in_seconds: Math.round(wait / 1_000),
      error: asError(thrown),
    });
    return 'deferred';
  }
}
