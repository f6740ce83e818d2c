import { backoff, pause } from '../../runtime/loop.ts';
import type { Report, WorkerSettings } from '../protocol.ts';
import { startWatchdog } from './watchdog.ts';
import type { WorkerEnd } from './worker-process.ts';
import { WorkerProcess } from './worker-process.ts';

/** What the pool reports of its workers. */
export interface PoolEvents {
  report(worker: string, report: Report): void;
  /** A worker ended that was neither retiring nor told to stop. */
  crashed(worker: string, end: WorkerEnd): void;
  /** How many workers run now: at each change, and every ten seconds. */
  size(workers: number): void;
}

export interface PoolOptions {
  /** Workers that run at a time. */
  readonly size: number;
  /** The environment that they are forked with. */
  readonly environment: NodeJS.ProcessEnv;
  /** A worker that is silent for longer is killed and replaced. */
  readonly stallMilliseconds: number;
  readonly settings: (name: string) => WorkerSettings;
}

export interface WorkerPool {
  /** Resolves if no worker ever gets ready: with the last one's end. */
  readonly hopeless: Promise<WorkerEnd>;
  /** Tells every worker to stop and waits for them; workers that stay longer than the grace are killed. */
  drain(graceMilliseconds: number): Promise<void>;
}

const FIRST_RETRY_MILLISECONDS = 100;
const LONGEST_RETRY_MILLISECONDS = 10_000;
/** A DogStatsD agent forgets a gauge that isn't sent again within its interval, ten seconds by default. */
const GAUGE_MILLISECONDS = 10_000;
/** For each place in the pool; with the backoff about three seconds. A pool that doesn't start by then needs a person. */
const HOPELESS_STARTS = 6;

/** Forks workers and replaces each that retires, crashes or stalls; crashes before being ready delay the next fork. */
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
    const worker = new WorkerProcess(settings, options.environment, (report) => hear(worker, report));
    workers.add(worker);
    events.size(workers.size);
    void worker.ended.then((end) => leave(worker, end));
  };

  const hear = (worker: WorkerProcess, report: Report) => {
    if (report.type === 'ready') {
      everReady = true;
      failedStarts = 0;
    }
    // Where stores are slow its successors would retire before it is gone, and so on: no more than twice the pool.
    if (report.type === 'retiring' && workers.size < 2 * options.size) replace(worker, 0);
    events.report(worker.name, report);
  };

  const leave = (worker: WorkerProcess, end: WorkerEnd) => {
    workers.delete(worker);
    events.size(workers.size);
    if (draining.signal.aborted) return;
    if (worker.retiring && end.code === 0) replace(worker, 0);
    else crash(worker, end);
  };

  const crash = (worker: WorkerProcess, end: WorkerEnd) => {
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
