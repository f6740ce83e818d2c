import { backoff, pause } from '../../runtime/loop.ts';
import type { Report, WorkerSettings } from '../protocol.ts';
import { startWatchdog } from './watchdog.ts';
import type { WorkerEnd } from './worker-process.ts';
import { WorkerProcess } from './worker-process.ts';

/** Called by the pool. */
export interface PoolEvents {
  report(worker: string, report: Report): void;
  /** A worker ended that was neither retiring nor asked to stop. */
  crashed(worker: string, end: WorkerEnd): void;
  /** Number of running workers, at each change and every ten seconds. */
  size(workers: number): void;
}

export interface PoolOptions {
  /** Number of workers that run at the same time. */
  readonly size: number;
  /** Environment of the worker processes. */
  readonly environment: NodeJS.ProcessEnv;
  /** A worker that reports nothing for longer is killed and replaced. */
  readonly stallMilliseconds: number;
  readonly settings: (name: string) => WorkerSettings;
}

export interface WorkerPool {
  /** Resolves if no worker has become ready after many tries, with the end of the last one. */
  readonly hopeless: Promise<WorkerEnd>;
  /** Asks every worker to stop, and waits for them. Workers that still run after the grace period are killed. */
  drain(graceMilliseconds: number): Promise<void>;
}

const FIRST_RETRY_MILLISECONDS = 100;
const LONGEST_RETRY_MILLISECONDS = 10_000;
/** A DogStatsD agent forgets a gauge that isn't sent again within its interval, ten seconds by default. */
const GAUGE_MILLISECONDS = 10_000;
/**
 * Failed starts for each worker of the pool; with the backoff they take about three seconds. If no worker has started
 * by then, a person must fix something.
 */
const HOPELESS_STARTS = 6;

/**
 * Forks workers, and replaces each one that retires, crashes or stalls. Workers that crash before they are ready are
 * replaced with backoff.
 */
export function startPool(options: PoolOptions, events: PoolEvents): WorkerPool {
  const workers = new Set<WorkerProcess>();
  const replaced = new WeakSet<WorkerProcess>();
  const draining = new AbortController();
  const hopeless = Promise.withResolvers<WorkerEnd>();
  let forked = 0;
  let failedStarts = 0;
  let everReady = false;

  const start = () => {
    if (draining.signal.aborted) return;
    forked += 1;
    const settings = options.settings(`worker-${forked}`);
    const worker = new WorkerProcess(settings, options.environment, (report) => receive(worker, report));
    workers.add(worker);
    events.size(workers.size);
    void worker.ended.then((end) => handleEnd(worker, end));
  };

  const receive = (worker: WorkerProcess, report: Report) => {
    if (report.type === 'ready') {
      everReady = true;
      failedStarts = 0;
    }
    // If Postgres is slow, a replacement can retire before its predecessor has ended, and its own replacement too. So
    // there are never more workers than twice the size.
    if (report.type === 'retiring' && workers.size < 2 * options.size) replace(worker, 0);
    events.report(worker.name, report);
  };

  const handleEnd = (worker: WorkerProcess, end: WorkerEnd) => {
    workers.delete(worker);
    events.size(workers.size);
    if (draining.signal.aborted) return;
    if (worker.retiring && end.code === 0) replace(worker, 0);
    else handleCrash(worker, end);
  };

  const handleCrash = (worker: WorkerProcess, end: WorkerEnd) => {
    failedStarts = worker.ready ? 0 : failedStarts + 1;
    events.crashed(worker.name, end);
    const attempt = Math.ceil(failedStarts / options.size);
    if (!everReady && attempt >= HOPELESS_STARTS) hopeless.resolve(end);
    replace(
      worker,
      attempt === 0 ? 0 : backoff(attempt, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS),
    );
  };

  const replace = (worker: WorkerProcess, waitMilliseconds: number) => {
    if (replaced.has(worker)) return;
    replaced.add(worker);
    void pause(waitMilliseconds, draining.signal).then(start);
  };

  const gauge = setInterval(() => events.size(workers.size), GAUGE_MILLISECONDS);
  const stopWatchdog = startWatchdog(workers, options.stallMilliseconds);
  for (let count = 0; count < options.size; count += 1) start();

  return {
    hopeless: hopeless.promise,
    async drain(graceMilliseconds) {
      draining.abort();
      stopWatchdog();
      clearInterval(gauge);
      await drain(workers, graceMilliseconds);
    },
  };
}

async function drain(workers: ReadonlySet<WorkerProcess>, graceMilliseconds: number): Promise<void> {
  const ends = [...workers].map(({ ended }) => ended);
  for (const worker of workers) worker.stop();
  const killer = setTimeout(() => {
    for (const worker of workers) worker.kill();
  }, graceMilliseconds);
  await Promise.all(ends);
  clearTimeout(killer);
}
