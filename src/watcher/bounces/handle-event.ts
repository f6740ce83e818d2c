import type { AlertIds } from '../../db/bounces.ts';
import { alertsOfEmail, markBounced } from '../../db/bounces.ts';
import type { Db, Pool } from '../../db/pool.ts';
import { inShortTransaction } from '../../db/short-transaction.ts';
import { parseSesEvent } from '../../domain/ses-event.ts';
import { oneLine } from '../../domain/text.ts';
import type { QueueMessage } from '../../queue/queue.ts';
import type { LogFields, Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Reporter } from '../../runtime/report.ts';

export interface HandleDependencies {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly reporter: Reporter;
  /** Whether SES accepted emails that could not be marked as sent yet. */
  readonly hasUnmarked: () => boolean;
}

/** `later`: the message must stay in the queue. */
export type Handled = 'done' | 'later';

/**
 * How long an email may be unknown. A bounce can arrive before its alerts are marked as sent. Later it is of another
 * service that uses the same configuration set, or of an alert that was pruned.
 */
const UNKNOWN_MILLISECONDS = 3_600_000;
const MOST_SHOWN = 200;

/**
 * Acts on one event of SES. After `done` its message may be deleted: everything is committed and reported.
 * @param signal ends it, even in the middle of a statement
 * @throws CodedError if the database fails
 */
export async function handleEvent(
  message: QueueMessage,
  dependencies: HandleDependencies,
  signal: AbortSignal,
): Promise<Handled> {
  const { pool, logger, reporter } = dependencies;
  const event = parseSesEvent(message.body);
  const fields = { message_id: message.id };
  switch (event.kind) {
    case 'ignored':
      logger.debug('an event of SES needs no action', { ...fields, event: event.what });
      return 'done';
    case 'unconfirmed':
      // Without the message's own text, because its URL and its token are secrets.
      reporter.warn(
        "SNS sends no events of SES yet, because the queue's subscription is not confirmed; confirm it or subscribe again",
        fields,
      );
      return 'done';
    case 'foreign':
      // Its text is a user's data, and the processor must still count it.
      reporter.warn(
        "a message in the queue of SES's events is an event of Sentry and stays there: SES_EVENTS_QUEUE_NAME names the wrong queue",
        fields,
      );
      return 'later';
    case 'invalid':
      reporter.warn("a message in the queue of SES's events is not an event of SES; it is deleted", {
        ...fields,
        problem: event.problem,
        body: oneLine(message.body, MOST_SHOWN),
      });
      return 'done';
    case 'undelivered': {
      const mark = (db: Db) => markBounced(db, event.sesMessageId, event.reason);
      const { known, marked } = await inShortTransaction(pool, 'marking bounced alerts', mark, signal);
      if (marked.length > 0) reportBounce(marked, event, dependencies);
      return known ? 'done' : unknown(message, event.sesMessageId, dependencies);
    }
    case 'complaint': {
      const read = (db: Db) => alertsOfEmail(db, event.sesMessageId);
      const alerts = await inShortTransaction(pool, 'reading alerts of an email', read, signal);
      if (alerts.length === 0) return unknown(message, event.sesMessageId, dependencies);
      dependencies.metrics.increment('bec-alerts.watcher.errors', 1, { what: 'complaint' });
      reporter.warn('a recipient marked an email as unwanted; SES may not deliver further emails to them', {
        ...about(alerts),
        ses_message_id: event.sesMessageId,
        reason: event.reason,
      });
      return 'done';
    }
  }
}

function reportBounce(
  alerts: readonly AlertIds[],
  { sesMessageId, reason }: { readonly sesMessageId: string; readonly reason: string },
  { logger, metrics, reporter }: HandleDependencies,
): void {
  metrics.increment('bec-alerts.watcher.errors', 1, { what: 'bounce' });
  const fields = { ses_message_id: sesMessageId, reason };
  reporter.warn('an email bounced after SES accepted it; its recipient was probably not notified', {
    ...about(alerts),
    ...fields,
  });
  if (alerts.length === 1) return;
  for (const { id, runId: run, trigger, groupId } of alerts) {
    logger.debug('alert bounced in a shared email', {
      alert: id,
      run,
      trigger,
      group_id: groupId,
      ...fields,
    });
  }
}

/** The ids that identify an email in the log. */
function about(alerts: readonly AlertIds[]): LogFields {
  const [{ id, runId, trigger, groupId } = { id: '', runId: '', trigger: '', groupId: '' }] = alerts;
  if (alerts.length > 1) return { run: runId, alerts: alerts.length };
  return { alert: id, run: runId, trigger, group_id: groupId };
}

function unknown(
  message: QueueMessage,
  sesMessageId: string,
  { logger, hasUnmarked }: HandleDependencies,
): Handled {
  const fields = { message_id: message.id, ses_message_id: sesMessageId };
  const isOld = Date.now() - message.sentAt.getTime() > UNKNOWN_MILLISECONDS;
  if (!isOld || hasUnmarked()) {
    logger.debug('SES reports an email that no alert has; waiting in case its alert is marked soon', fields);
    return 'later';
  }
  logger.info('SES reported an email that no alert has for an hour; the report is deleted', fields);
  return 'done';
}
