import { createPool } from '../../db/pool.ts';
import { createObjects } from '../../queue/objects.ts';
import { createSqsClient, createSqsQueue } from '../../queue/sqs.ts';
import { asError, toWire } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/logger.ts';
import { createLogger } from '../../runtime/logger.ts';
import type { Report, WorkerSettings } from '../protocol.ts';
import { LOCK_TIMEOUT_MILLISECONDS, STATEMENT_TIMEOUT_MILLISECONDS } from '../timeouts.ts';
import type { ConsumeEvents } from './consume.ts';
import { consume } from './consume.ts';

export interface Work {
  /** Ends after the batch in hand; an idle poll is aborted. */
  stop(): void;
}

/** Longest silence of a worker that is well, but for the steps that it waits in. */
const ALIVE_MILLISECONDS = 1_000;
const LONGEST_POLL_SECONDS = 20;
/** A read timeout as long as the poll fires before the empty answer arrives. */
const ANSWER_SECONDS = 2;

/** A worker's life: wires its parts, consumes, and lets the process end by closing everything. */
export function startWork(settings: WorkerSettings, tell: (report: Report) => void): Work {
  const logger = createLogger({ ...settings.log, name: settings.name });
  const stopping = new AbortController();
  const pool = createPool({
    connectionString: settings.databaseUrl,
    applicationName: `bec-alerts ${settings.name}`,
    max: 1,
    statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS,
    lockTimeoutMilliseconds: LOCK_TIMEOUT_MILLISECONDS,
    onIdleError: (error) => logger.warning('a database connection broke; it is made anew', { error }),
  });
  const queue = createSqsQueue(createSqsClient(settings.queue), settings.queue);
  const objects = createObjects({ ...settings.queue, endpoint: settings.objectsEndpoint });

  let toldAt = 0;
  const tellNow = (report: Report) => {
    toldAt = performance.now();
    tell(report);
  };
  const events = eventsFor(settings, logger, tellNow, () => {
    if (performance.now() - toldAt > ALIVE_MILLISECONDS) tellNow({ type: 'alive' });
  });
  const options = {
    sleepDelaySeconds: settings.sleepDelaySeconds,
    maxWaitSeconds: Math.max(
      0,
      Math.min(LONGEST_POLL_SECONDS, settings.queue.readTimeoutSeconds - ANSWER_SECONDS),
    ),
    messageCount: settings.messageCount,
  };

  void (async () => {
    try {
      await consume({ db: pool, queue, objects }, options, events, stopping.signal);
    } catch (thrown) {
      process.exitCode = 1;
      events.failed(thrown, 'the worker ended by an error');
    }
    queue.close();
    objects.close();
    await pool
      .end()
      .catch((thrown: unknown) => logger.warning('closing the database failed', { error: asError(thrown) }));
    logger.debug('leaving');
    await flushed();
    // Nothing else keeps the process alive.
    if (process.connected) process.disconnect();
  })();

  return { stop: () => stopping.abort() };
}

/** Disconnecting drops what a busy supervisor hasn't taken yet; messages are written in order, so the last is waited for. */
function flushed(): Promise<void> {
  return new Promise((resolve) => {
    const last: Report = { type: 'alive' };
    if (!process.connected || process.send === undefined) resolve();
    else process.send(last, undefined, undefined, () => resolve());
  });
}

/** Tells the supervisor, and at DEBUG the log. Ids and no user: a log is no place for who was affected. */
function eventsFor(
  settings: WorkerSettings,
  logger: Logger,
  tell: (report: Report) => void,
  turned: () => void,
): ConsumeEvents {
  return {
    turned,
    polling() {
      logger.debug('polling');
      tell({ type: 'ready' });
    },
    retiring() {
      tell({ type: 'retiring' });
    },
    parsed({ id }, { eventId, groupId }) {
      logger.debug('read an event', { message_id: id, event_id: eventId, group_id: groupId });
    },
    stored(batch) {
      logger.debug('stored a batch', {
        events: batch.events,
        duration_ms: Math.round(batch.durationMilliseconds),
      });
      tell({ type: 'batch', ...batch });
    },
    rejected({ message, rejection: { reason, detail } }) {
      tell({ type: 'rejected', messageId: message.id, reason, detail });
    },
    failed(error, message) {
      tell({ type: 'error', message, error: toWire(error), fields: { worker: settings.name } });
    },
  };
}
