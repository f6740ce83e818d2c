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
  /** Longer than an email can be on its way to SES: no other watcher sends it until then. */
  readonly leaseMilliseconds: number;
}

/** How many alerts, not emails. */
export interface DeliveryTotals {
  readonly sent: number;
  readonly deferred: number;
  readonly failed: number;
}

/** Delivers the outbox; one for the life of the process, as it remembers what SES accepted. */
export interface Delivery {
  /**
   * Delivers the alerts that are due, in the order decided. Ends when nothing is due, SES asks for a pause or the
   * signal fires; the other alerts stay pending.
   */
  deliver(db: Db, signal: AbortSignal): Promise<DeliveryTotals>;
  /** Whether SES accepted emails that could not be marked as sent yet. */
  hasUnmarked(): boolean;
  /** Marks them. @throws where the database fails: they stay, and are marked before anything else is sent */
  markAccepted(db: Db): Promise<void>;
  /** Milliseconds until sending goes on; 0 or less while nothing holds it up. */
  pausedFor(): number;
}

interface Accepted {
  readonly ids: readonly string[];
  readonly messageId: string | null;
}

/**
 * An email's alerts are marked right after SES accepted it: only a death in between sends it twice. The connection that
 * holds the delivery lock can break while SES is asked, so each email is claimed first.
 */
export function createDelivery(dependencies: DeliveryDependencies): Delivery {
  const { mailer, settings, sendRate, logger, leaseMilliseconds } = dependencies;
  /** SES accepted these emails, and marking them failed so far: they must never be sent again. */
  const accepted: Accepted[] = [];

  const markAccepted = async (db: Db) => {
    for (let email = accepted[0]; email !== undefined; email = accepted[0]) {
      await markSent(db, email.ids, email.messageId);
      accepted.shift();
    }
  };

  const send = async (db: Db, built: BuiltEmail): Promise<keyof DeliveryTotals> => {
    let messageId: string | null;
    try {
      if (built.email instanceof CodedError) throw built.email;
      // Not aborted by the shutdown: SES may have accepted it already. The read timeout bounds it.
      messageId = await mailer.send(built.email, new AbortController().signal);
    } catch (thrown) {
      const outcome = await handleFailure(db, built, thrown, dependencies);
      logMembers(built, outcome, logger);
      return outcome;
    }
    sendRate.answered();
    // Before the mark: where that fails, the log is what knows of the email.
    logger.info(built.ids.length === 1 ? 'alert sent' : 'alerts sent in one email', {
      ...about(built),
      ses_message_id: messageId,
    });
    logMembers(built, 'sent', logger, { ses_message_id: messageId });
    accepted.push({ ids: built.ids, messageId });
    await markAccepted(db);
    return 'sent';
  };

  return {
    async deliver(db, signal) {
      const totals = { sent: 0, deferred: 0, failed: 0 };
      await markAccepted(db);
      while (sendRate.pausedFor() <= 0 && !signal.aborted) {
        const alert = await nextDue(db);
        if (alert === null) break;
        await sendRate.turn(signal);
        if (signal.aborted) break;
        const built = await buildEmail(db, alert, settings);
        // Where it can't be claimed, another watcher took over the lock meanwhile, and sends it.
        if (await claim(db, built.ids, leaseMilliseconds)) totals[await send(db, built)] += built.ids.length;
      }
      return totals;
    },
    hasUnmarked: () => accepted.length > 0,
    markAccepted,
    pausedFor: () => sendRate.pausedFor(),
  };
}

/** Logs each alert of an email that several share, by its ids. */
function logMembers(
  { alert, members }: BuiltEmail,
  outcome: keyof DeliveryTotals,
  logger: Logger,
  fields: LogFields = {},
): void {
  for (const { id, trigger, groupId } of members) {
    const ids = { alert: id, run: alert.runId, trigger, group_id: groupId };
    logger.debug(`alert ${outcome} among others`, { ...ids, ...fields });
  }
}
