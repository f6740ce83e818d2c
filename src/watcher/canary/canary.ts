import { randomUUID } from 'node:crypto';
import type { CountedCanary } from '../../db/canaries.ts';
import { CANARY, claimCanary, markCounted, markEmailRefused, markRefused } from '../../db/canaries.ts';
import type { Pool } from '../../db/pool.ts';
import { oneLine, storable } from '../../domain/text.ts';
import type { Mailer } from '../../mail/mailer.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { SenderOptions } from '../../runtime/send-event.ts';
import { sendEvent } from '../../runtime/send-event.ts';

export interface CanaryDependencies {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly mailer: Mailer;
}

export interface CanaryOptions {
  readonly dsn: string;
  readonly intervalSeconds: number;
  /** Gets an email for each canary that is counted; null for no email. */
  readonly email: string | null;
  readonly sender: Omit<SenderOptions, 'environment' | 'signal'>;
}

/** Sends errors of our own to Sentry, and sees that they are counted. */
export interface Canary {
  /** Sends the canary that is due, and looks for those that are counted. @returns milliseconds until the next step */
  step(signal: AbortSignal): Promise<number>;
}

/** How often a canary is looked for that this watcher has sent, and for how long. */
const SOON_MILLISECONDS = 1_000;
const SOON_FOR_MILLISECONDS = 300_000;
/** How often canaries are looked for that are late, or that other watchers sent. */
const LATE_MILLISECONDS = 30_000;
/** A canary that Sentry did not accept is sent again after this time. */
const AGAIN_MILLISECONDS = 60_000;
const MAX_REASON = 500;

class CanaryError extends Error {
  override readonly name = 'CanaryError';
}

/** Any number of watchers may send canaries; the database gives each canary to one of them. */
export function createCanary(dependencies: CanaryDependencies, options: CanaryOptions): Canary {
  const { pool, logger, metrics } = dependencies;
  const { dsn, intervalSeconds, sender } = options;
  let claimAt = 0;
  let soonUntil = 0;
  let wasRefused = false;

  const send = async (id: string, signal: AbortSignal) => {
    const event = {
      what: new CanaryError(`${CANARY}: bec-alerts sends this error itself`),
      fingerprint: [CANARY],
      id,
    };
    try {
      await sendEvent(dsn, event, { ...sender, environment: CANARY, signal });
      wasRefused = false;
      soonUntil = performance.now() + SOON_FOR_MILLISECONDS;
      logger.debug('sent a canary to Sentry', { event: id });
    } catch (thrown) {
      const reason = signal.aborted ? 'the watcher was stopped while it sent it' : reasonOf(thrown);
      claimAt = Math.min(claimAt, performance.now() + AGAIN_MILLISECONDS);
      await markRefused(pool, id, reason);
      if (signal.aborted) return;
      metrics.increment('bec-alerts.watcher.errors', 1, { what: 'canary' });
      // It is sent again each minute, and the first report is enough.
      logger[wasRefused ? 'debug' : 'warning'](
        'Sentry did not accept the canary; it is sent again in a minute',
        {
          reason,
        },
      );
      wasRefused = true;
    }
  };
  return {
    async step(signal) {
      if (performance.now() >= claimAt) {
        const id = randomUUID().replaceAll('-', '');
        const { eventId, nextInMilliseconds } = await claimCanary(pool, id, intervalSeconds);
        claimAt = performance.now() + nextInMilliseconds;
        if (eventId !== null) await send(eventId, signal);
      }
      for (const counted of await markCounted(pool)) {
        soonUntil = 0;
        metrics.distribution('bec-alerts.canary.delay', counted.delayMilliseconds);
        logger.debug('a canary is counted', { delay_ms: Math.round(counted.delayMilliseconds) });
        await sendEmail(counted, dependencies, options, signal);
      }
      const now = performance.now();
      return now < soonUntil ? SOON_MILLISECONDS : Math.min(LATE_MILLISECONDS, Math.max(0, claimAt - now));
    },
  };
}

/** The last step of the way: an email that SES accepts, as it would accept an alert. */
async function sendEmail(
  { id, delayMilliseconds }: CountedCanary,
  { pool, mailer, logger, metrics }: CanaryDependencies,
  { email }: CanaryOptions,
  signal: AbortSignal,
): Promise<void> {
  if (email === null) return;
  const text = `bec-alerts sent an error to Sentry. It was counted ${Math.round(delayMilliseconds / 1_000)} s later.\n`;
  const plain = { subject: 'bec-alerts: canary', text, html: null, thread: null, alert: null };
  try {
    await mailer.send({ to: email, messageId: randomUUID(), ...plain }, signal);
  } catch (thrown) {
    if (signal.aborted) return;
    const reason = reasonOf(thrown);
    metrics.increment('bec-alerts.watcher.errors', 1, { what: 'canary' });
    logger.warning('SES did not accept the email of the canary', { reason });
    await markEmailRefused(pool, id, reason);
  }
}

function reasonOf(thrown: unknown): string {
  return oneLine(storable(messageOf(thrown), MAX_REASON), MAX_REASON);
}
