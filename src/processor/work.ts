import { createPool } from '../db/pool.ts';
import { createSqsClient, createSqsQueue } from '../queue/sqs.ts';
import { asError, toWire } from '../runtime/errors.ts';
import { createLogger } from '../runtime/logger.ts';
import type { ConsumeEvents } from './consume.ts';
import { consume } from './consume.ts';
import type { Report, WorkerSettings } from './messages.ts';

export interface Work {
  /** Ends after the batch in hand; an idle poll is aborted. */
  stop(): void;
}

const STATEMENT_TIMEOUT_MILLISECONDS = 30_000;
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
    onIdleError: (error) => logger.warning('a database connection broke; it is made anew', { error }),
  });
  const queue = createSqsQueue(createSqsClient(settings.queue), settings.queue);

  const tellError = (message: string, error: unknown) =>
    tell({ type: 'error', message, error: toWire(error), fields: { worker: settings.name } });
  const events: ConsumeEvents = {
    polling() {
      logger.debug('polling');
      tell({ type: 'ready' });
    },
    retiring() {
      tell({ type: 'retiring' });
    },
    stored(batch) {
      logger.debug('stored a batch', {
        events: batch.events,
        duration_ms: Math.round(batch.durationMilliseconds),
      });
      tell({ type: 'batch', ...batch });
    },
    rejected(message, { reason, detail }) {
      tell({ type: 'rejected', messageId: message.id, reason, detail });
    },
    failed(error, message) {
      tellError(message, error);
    },
  };
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
      await consume(pool, queue, options, events, stopping.signal);
    } catch (thrown) {
      process.exitCode = 1;
      tellError('the worker ended by an error', thrown);
    }
    queue.close();
    await pool
      .end()
      .catch((thrown: unknown) => logger.warning('closing the database failed', { error: asError(thrown) }));
    logger.debug('leaving');
    // What was told is on its way by now: process.send writes to the channel synchronously where it can, and
    // disconnecting waits for the rest. Nothing else keeps the process alive.
    if (process.connected) process.disconnect();
  })();

  return { stop: () => stopping.abort() };
}
