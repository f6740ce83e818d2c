import { createPool } from '../../db/pool.ts';
import { createObjects } from '../../queue/objects.ts';
import { createSqsClient, createSqsQueue } from '../../queue/sqs.ts';
import { longestPoll } from '../../runtime/aws.ts';
import { asError, toWire } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/logger.ts';
import { createLogger } from '../../runtime/logger.ts';
import type { Report, WorkerSettings } from '../protocol.ts';
import { LOCK_TIMEOUT_MILLISECONDS, STATEMENT_TIMEOUT_MILLISECONDS } from '../timeouts.ts';
import type { ConsumeEvents } from './consume.ts';
import { consume } from './consume.ts';

export interface Work {
  /** Ends the work after the batch in progress. A poll that waits for messages is aborted. */
  stop(): void;
}

/** The worker reports that it is alive if it has reported nothing else for this long. */
const ALIVE_MILLISECONDS = 1_000;

/**
 * Starts a worker: connects its parts and consumes. At its end it closes everything, and with that the process ends.
 */
export function startWork(settings: WorkerSettings, report: (message: Report) => void): Work {
  const logger = createLogger({ ...settings.log, name: settings.name });
  const stopping = new AbortController();
  const pool = createPool({
    ...settings.database,
    applicationName: `bec-alerts ${settings.name}`,
    max: 1,
    statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS,
    lockTimeoutMilliseconds: LOCK_TIMEOUT_MILLISECONDS,
    onIdleError: (error) => logger.warning('a database connection was lost; reconnecting', { error }),
  });
  const queue = createSqsQueue(createSqsClient(settings.queue), settings.queue);
  const objects = createObjects({ ...settings.queue, endpoint: settings.objectsEndpoint });

  let reportedAt = 0;
  const reportNow = (message: Report) => {
    reportedAt = performance.now();
    report(message);
  };
  const events = eventsFor(settings, logger, reportNow, () => {
    if (performance.now() - reportedAt > ALIVE_MILLISECONDS) reportNow({ type: 'alive' });
  });
  const options = {
    sleepDelaySeconds: settings.sleepDelaySeconds,
    maxWaitSeconds: longestPoll(settings.queue),
    messageCount: settings.messageCount,
    restMilliseconds: settings.restMilliseconds,
    versions: settings.versions,
  };

  void (async () => {
    try {
      await consume({ db: pool, queue, objects, tags: settings.tags }, options, events, stopping.signal);
    } catch (thrown) {
      process.exitCode = 1;
      events.failed(thrown, 'the worker ends because of an error');
    }
    queue.close();
    objects.close();
    await pool
      .end()
      .catch((thrown: unknown) =>
        logger.warning('closing the database connection failed', { error: asError(thrown) }),
      );
    logger.debug('the worker ends');
    await flushed();
    // Nothing else keeps the process alive.
    if (process.connected) process.disconnect();
  })();

  return { stop: () => stopping.abort() };
}

/**
 * Waits until the channel has sent everything. Disconnecting would drop reports that a busy supervisor hasn't read yet.
 * Messages are sent in order, so it is enough to wait for one more.
 */
function flushed(): Promise<void> {
  return new Promise((resolve) => {
    const last: Report = { type: 'alive' };
    if (!process.connected || process.send === undefined) resolve();
    else process.send(last, undefined, undefined, () => resolve());
  });
}

/** Reports to the supervisor, and logs at DEBUG. Only ids are logged: a log must not say which users were affected. */
function eventsFor(
  settings: WorkerSettings,
  logger: Logger,
  report: (message: Report) => void,
  turned: () => void,
): ConsumeEvents {
  return {
    turned,
    polling() {
      logger.debug('polling the queue');
      report({ type: 'ready' });
    },
    retiring() {
      report({ type: 'retiring' });
    },
    parsed({ id }, { eventId, groupId }) {
      logger.debug('parsed an event', { message_id: id, event_id: eventId, group_id: groupId });
    },
    stored(batch) {
      logger.debug('stored a batch', {
        events: batch.events,
        duration_ms: Math.round(batch.durationMilliseconds),
      });
      report({ type: 'batch', ...batch });
    },
    looked(reading) {
      report({ type: 'versions', reading });
    },
    lookFailed(error) {
      logger.debug('reading the statistics of updates failed', { error: asError(error) });
    },
    rejected({ message, rejection: { reason, detail } }) {
      report({ type: 'rejected', messageId: message.id, reason, detail });
    },
    failed(error, message) {
      report({ type: 'error', message, error: toWire(error), fields: { worker: settings.name } });
    },
  };
}
