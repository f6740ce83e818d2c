import { fromWire } from '../runtime/errors.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Reporter } from '../runtime/report.ts';
import type { Report, WorkerSettings } from './messages.ts';
import { startPool } from './pool.ts';

export interface ProcessorDependencies {
  readonly logger: Logger;
  readonly reporter: Reporter;
  readonly metrics: Metrics;
  /** Told how many workers run, whenever that changes. */
  readonly onWorkers?: (workers: number) => void;
}

export interface ProcessorOptions {
  readonly processCount: number;
  /** How long workers may take to finish what they have in hand. */
  readonly graceMilliseconds: number;
  /** The environment that workers are forked with. */
  readonly workerEnvironment: NodeJS.ProcessEnv;
  readonly worker: Omit<WorkerSettings, 'name'>;
}

/** The supervisor: keeps the pool of workers until the signal fires, then drains it. */
export async function supervise(
  { logger, reporter, metrics, onWorkers }: ProcessorDependencies,
  options: ProcessorOptions,
  signal: AbortSignal,
): Promise<void> {
  const { queueUrl } = options.worker.queue;
  logger.info('starting', { workers: options.processCount, queue: queueUrl });
  const pool = startPool(
    options.processCount,
    options.workerEnvironment,
    (name) => ({ ...options.worker, name }),
    {
      report: (worker, report) => hear(worker, report),
      crashed: (worker, { code, signal: killedBy }) => {
        reporter.report(
          new Error(`${worker} ended unexpectedly (${killedBy ?? `exit code ${code}`})`),
          'a worker died and is replaced; its messages come back after their visibility timeout',
          { worker },
        );
      },
      size: (workers) => {
        metrics.gauge('bec-alerts.processor.workers', workers);
        onWorkers?.(workers);
      },
    },
  );

  const hear = (worker: string, report: Report) => {
    switch (report.type) {
      case 'ready':
        logger.debug('a worker polls', { worker });
        return;
      case 'retiring':
        logger.debug('a worker retires', { worker });
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
        logger.info(`stored ${report.events} ${report.events === 1 ? 'event' : 'events'}`, {
          worker,
          lag_ms: Math.round(report.lagMilliseconds),
        });
        metrics.increment('bec-alerts.processor.events', report.events);
        for (const [reason, count] of Object.entries(report.rejected)) {
          metrics.increment('bec-alerts.processor.rejected', count, { reason });
        }
        metrics.distribution('bec-alerts.processor.batch.duration', report.durationMilliseconds);
        metrics.distribution('bec-alerts.processor.lag', report.lagMilliseconds);
    }
  };

  await aborted(signal);
  logger.info('stopping: workers finish what they have in hand');
  await pool.drain(options.graceMilliseconds);
  logger.info('stopped');
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
