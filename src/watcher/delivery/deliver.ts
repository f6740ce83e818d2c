import { orDatabaseError } from '../../db/errors.ts';
import { claim, markSent, nextDue } from '../../db/outbox.ts';
import type { Db } from '../../db/pool.ts';
import type { Mailer } from '../../mail/mailer.ts';
import { CodedError } from '../../runtime/errors.ts';
import type { LogFields, Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Reporter } from '../../runtime/report.ts';
import type { BuildSettings, BuiltEmail } from './build-email.ts';
import { buildEmail } from './build-email.ts';
import { about, handleFailure } from './retry.ts';
import type { SendRate } from './send-rate.ts';

export interface DeliveryDependencies {
  readonly mailer: Mailer;
  readonly settings: BuildSettings;
  readonly sendRate: SendRate;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly reporter: Reporter;
  /**
   * How long an email's alerts are claimed. Until then the email must be accepted by SES and marked as sent, because
   * another watcher may send it after that.
   */
  readonly leaseMilliseconds: number;
}

/** Numbers of alerts, not of emails. */
export interface DeliveryTotals {
  readonly sent: number;
  readonly deferred: number;
  readonly failed: number;
}

/**
 * Delivers the alerts of the outbox. A process needs one for its whole life, because it remembers which emails SES
 * accepted.
 */
export interface Delivery {
  /**
   * Delivers the alerts that are due, in the order of the outbox. Ends when no alert is due, SES throttles or fails, or
   * the signal fires. The other alerts stay pending.
   */
  deliver(db: Db, signal: AbortSignal): Promise<DeliveryTotals>;
  /** Whether SES accepted emails that could not be marked as sent yet. */
  hasUnmarked(): boolean;
  /** Marks these emails as sent. Call it before `deliver`. @throws CodedError if the database fails */
  markAccepted(db: Db): Promise<void>;
  /** Milliseconds until sending continues; 0 or less if it isn't paused. */
  pausedFor(): number;
}

/** Names the operation in an error message. */
const MARKING = 'marking emails as sent, which another watcher may now send again,';

interface Accepted {
  readonly ids: readonly string[];
  readonly sesMessageId: string | null;
  /** Null for a shared email. */
  readonly subject: string | null;
}

/**
 * An email's alerts are marked as sent right after SES accepted it. The email is sent twice only if the process dies
 * in between, or if Postgres can't be reached until the claim ends. The connection with the delivery lock can be lost
 * while SES answers, so each email's alerts are claimed first.
 */
export function createDelivery(dependencies: DeliveryDependencies): Delivery {
  const { mailer, settings, sendRate, logger, leaseMilliseconds } = dependencies;
  /** Emails that SES accepted and that aren't marked as sent yet. They must never be sent again. */
  const accepted: Accepted[] = [];

  const markAccepted = async (db: Db) => {
    for (let email = accepted[0]; email !== undefined; email = accepted[0]) {
      await markSent(db, email.ids, email.sesMessageId, email.subject);
      accepted.shift();
    }
  };

  const send = async (db: Db, built: BuiltEmail): Promise<keyof DeliveryTotals> => {
    let sesMessageId: string | null;
    let subject: string | null;
    try {
      if (built.email instanceof CodedError) throw built.email;
      subject = built.email.thread === null ? null : built.email.subject;
      // A shutdown doesn't abort this, because SES may have accepted the email already. The read timeout limits it.
      sesMessageId = await mailer.send(built.email, new AbortController().signal);
    } catch (thrown) {
      const outcome = await handleFailure(db, built, thrown, dependencies);
      logMembers(built, outcome, logger);
      return outcome;
    }
    sendRate.answered();
    // Logged before the alerts are marked. If marking fails, only the log knows that the email was sent.
    logger.info(built.ids.length === 1 ? 'alert sent' : 'alerts sent in one email', {
      ...about(built),
      ses_message_id: sesMessageId,
    });
    logMembers(built, 'sent', logger, { ses_message_id: sesMessageId });
    accepted.push({ ids: built.ids, sesMessageId, subject });
    await markAccepted(db);
    return 'sent';
  };

  return {
    async deliver(db, signal) {
      const totals = { sent: 0, deferred: 0, failed: 0 };
      while (sendRate.pausedFor() <= 0 && !signal.aborted) {
        const alert = await nextDue(db);
        if (alert === null) break;
        await sendRate.turn(signal);
        if (signal.aborted) break;
        const built = await buildEmail(db, alert, settings);
        // If it can't be claimed, another watcher has got the delivery lock in the meantime and sends it.
        if (await claim(db, built.ids, leaseMilliseconds)) totals[await send(db, built)] += built.ids.length;
      }
      return totals;
    },
    hasUnmarked: () => accepted.length > 0,
    markAccepted: (db) => orDatabaseError(MARKING, markAccepted(db)),
    pausedFor: () => sendRate.pausedFor(),
  };
}

/** Logs the ids of each alert of a shared email. */
function logMembers(
  { alert, members }: BuiltEmail,
  outcome: keyof DeliveryTotals,
  logger: Logger,
  fields: LogFields = {},
): void {
  for (const { id, trigger, groupId } of members) {
    const ids = { alert: id, run: alert.runId, trigger, group_id: groupId };
    logger.debug(`alert ${outcome} in a shared email`, { ...ids, ...fields });
  }
}
