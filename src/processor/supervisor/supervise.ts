import { isFifo } from '../../domain/queue-name.ts';
import { CodedError, fromWire, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Reporter } from '../../runtime/report.ts';
import type { Report, WorkerSettings } from '../protocol.ts';
import { longestSilence, restOf } from '../timeouts.ts';
import type { VersionsReadings } from './kept-versions.ts';
import { collectVersionsReadings } from './kept-versions.ts';
import type { PoolEvents } from './pool.ts';
import { startPool } from './pool.ts';
import type { Tally } from './tally.ts';
import { createTally } from './tally.ts';
import type { WorkerEnd } from './worker-process.ts';

export interface ProcessorDependencies {
  readonly logger: Logger;
  readonly reporter: Reporter;
  readonly metrics: Metrics;
  /** Called with the number of running workers. */
  readonly onWorkers?: (workers: number) => void;
}

export interface ProcessorOptions {
  readonly processCount: number;
  /** How long workers may take to finish the messages in progress. */
  readonly graceMilliseconds: number;
  /**
   * How long a worker may report nothing before it is killed and replaced. Default: `longestSilence` of its settings.
   */
  readonly stallMilliseconds?: number;
  /** The queue's visibility timeout. */
  readonly visibilitySeconds: number;
  /** Environment of the worker processes. */
  readonly workerEnvironment: NodeJS.ProcessEnv;
  readonly worker: Omit<WorkerSettings, 'name' | 'restMilliseconds' | 'versions'>;
}

/**
 * Runs the supervisor: keeps a pool of workers running until the signal fires, then drains it.
 * @throws CodedError `worker_failed` if no worker ever becomes ready
 */
export async function supervise(
  dependencies: ProcessorDependencies,
  options: ProcessorOptions,
  signal: AbortSignal,
): Promise<void> {
  const { logger } = dependencies;
  logger.info('starting workers', { workers: options.processCount, queue: options.worker.queue.queueUrl });
  const tally = createTally(logger);
  // A FIFO queue gives no more messages of a group while some are in flight, so its batches can't be large.
  const restMilliseconds = isFifo(options.worker.queue.queueUrl)
    ? 0
    : restOf(options.processCount, options.visibilitySeconds);
  const readings = collectVersionsReadings(logger, restMilliseconds);
  const pool = startPool(
    {
      size: options.processCount,
      environment: options.workerEnvironment,
      stallMilliseconds:
        options.stallMilliseconds ?? longestSilence(options.worker.queue, options.worker.sleepDelaySeconds),
      settings: (name) => ({ ...options.worker, name, restMilliseconds, versions: readings.last() }),
    },
    listener(dependencies, options.processCount, tally, readings),
  );
  const hopeless = await Promise.race([aborted(signal), pool.hopeless]);
  logger.info('stopping; workers finish the messages in progress');
  await pool.drain(options.graceMilliseconds);
  tally.flush();
  logger.info('stopped');
  if (hopeless !== undefined) {
    throw new CodedError(
      'worker_failed',
      `no worker ever started: the last one ended at once (${shownEnd(hopeless)}); see the error logged above`,
      { retryable: false },
    );
  }
}

function listener(
  { logger, reporter, metrics, onWorkers }: ProcessorDependencies,
  wanted: number,
  tally: Tally,
  readings: VersionsReadings,
): PoolEvents {
  return {
    size(workers) {
      metrics.gauge('bec-alerts.processor.workers', workers);
      metrics.gauge('bec-alerts.processor.workers.wanted', wanted);
      onWorkers?.(workers);
    },
    crashed(worker, end) {
      reporter.report(
        new Error(`${worker} ended unexpectedly (${shownEnd(end)})`),
        'a worker died and is replaced; its messages are received again after their visibility timeout',
        { worker },
      );
    },
    report(worker, report) {
      switch (report.type) {
        case 'alive':
          return;
        case 'ready':
          logger.debug('a worker polls the queue', { worker });
          return;
        case 'retiring':
          logger.debug('a worker retires and is replaced', { worker });
          return;
        case 'rejected':
          reporter.warn('a message went to the dead-letter queue', {
            worker,
            message_id: report.messageId,
            reason: report.reason,
            detail: report.detail,
          });
          return;
        case 'error':
          reporter.report(fromWire(report.error), report.message, report.fields);
          return;
        case 'batch':
          tally.add(report.events, report.lagMilliseconds);
          measure(metrics, report);
          return;
        case 'versions':
          readings.add(report.reading);
      }
    },
  };
}

function measure(metrics: Metrics, report: Extract<Report, { type: 'batch' }>): void {
  metrics.increment('bec-alerts.processor.events', report.events);
  for (const [reason, count] of Object.entries(report.rejected)) {
    metrics.increment('bec-alerts.processor.rejected', count, { reason });
  }
  metrics.distribution('bec-alerts.processor.batch.duration', report.durationMilliseconds);
  metrics.distribution('bec-alerts.processor.lag', report.lagMilliseconds);
}

function shownEnd({ stalled, signal, code, error }: WorkerEnd): string {
  if (error !== null) return `it could not be forked: ${messageOf(error)}`;
  if (stalled) return 'it made no progress and was killed';
  return signal ?? `exit code ${code}`;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
