import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { asError } from '../../runtime/errors.ts';
import { backoff, pause } from '../../runtime/loop.ts';
import type { Command, Report, WorkerSettings } from '../protocol.ts';
import { isReport } from '../protocol.ts';

/** How a worker ended that was neither retiring nor told to stop. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It was killed because nothing had been heard of it for too long. */
  readonly stalled: boolean;
  /** Why it could not be forked; null where it was. */
  readonly error: Error | null;
}

/** What the pool tells of its workers. */
export interface PoolEvents {
  report(worker: string, report: Report): void;
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
  /** Resolves if no worker ever gets ready: the last one's end. */
  readonly hopeless: Promise<WorkerEnd>;
  /** Tells every worker to stop and waits for them; those that stay longer than the grace are killed. */
  drain(graceMilliseconds: number): Promise<void>;
}

/** A worker that may never have been one. */
interface Place {
  readonly name: string;
  ready: boolean;
  /** Its replacement is on its way, or none is wanted. */
  replaced: boolean;
}

interface Worker extends Place {
  readonly child: ChildProcess;
  /** It has told that it leaves soon. */
  retiring: boolean;
  stalled: boolean;
  /** By performance.now(). */
  heardAt: number;
}

const WORKER_ENTRY = new URL(`../worker/entry${extname(import.meta.filename)}`, import.meta.url);
const FIRST_RETRY_MILLISECONDS = 100;
const LONGEST_RETRY_MILLISECONDS = 10_000;
/** A DogStatsD agent forgets a gauge that isn't told again within its interval, ten seconds by default. */
const GAUGE_MILLISECONDS = 10_000;
/** For each place in the pool; with the backoff about three seconds. What doesn't start by then needs a person. */
const HOPELESS_STARTS = 6;
/**
 * The young generation's half-spaces, in MB. Node's 16 let a worker that is never replaced grow to 270 MB, these to
 * 165 at no cost in speed; a smaller old generation saves 40 MB more and costs 40 % more CPU (bench/results.md). In a
 * life of 200 messages a worker stays below 100 MB either way.
 */
const WORKER_ARGUMENTS = ['--max-semi-space-size=8'];

/** Forks workers and replaces each that retires, dies or stalls; deaths before being ready put the next fork off. */
export function startPool(options: PoolOptions, events: PoolEvents): WorkerPool {
  const workers = new Set<Worker>();
  const draining = new AbortController();
  const hopeless = Promise.withResolvers<WorkerEnd>();
  let number = 0;
  let failedStarts = 0;
  let everReady = false;

  const start = () => {
    if (draining.signal.aborted) return;
    number += 1;
    const name = `worker-${number}`;
    let child: ChildProcess;
    try {
      child = fork(WORKER_ENTRY, { env: options.environment, execArgv: WORKER_ARGUMENTS });
    } catch (thrown) {
      fail({ name, ready: false, replaced: false }, unforked(thrown));
      return;
    }
    const worker: Worker = {
      name,
      child,
      ready: false,
      retiring: false,
      replaced: false,
      stalled: false,
      heardAt: performance.now(),
    };
    workers.add(worker);
    events.size(workers.size);
    child.on('message', (message: unknown) => hear(worker, message));
    void gone(child).then(() => {
      const { exitCode: code, signalCode: signal } = child;
      leave(worker, { code, signal, stalled: worker.stalled, error: null });
    });
    // Some reasons not to fork it are thrown and others come so; one that runs has an end of its own.
    child.on('error', (error) => {
      if (child.pid === undefined) leave(worker, unforked(error));
    });
    send(worker, { type: 'start', settings: options.settings(name) });
  };

  const hear = (worker: Worker, message: unknown) => {
    if (!isReport(message)) throw new TypeError(`${worker.name} sent a message that is no report`);
    worker.heardAt = performance.now();
    if (message.type === 'ready') {
      worker.ready = true;
      everReady = true;
      failedStarts = 0;
    }
    if (message.type === 'retiring') {
      worker.retiring = true;
      // Where stores are slow its successors would retire before it is gone, and so on: no more than twice the pool.
      if (workers.size < 2 * options.size) replace(worker, 0);
    }
    events.report(worker.name, message);
  };

  const leave = (worker: Worker, end: WorkerEnd) => {
    if (!workers.delete(worker)) return;
    events.size(workers.size);
    if (draining.signal.aborted) return;
    if (worker.retiring && end.code === 0) replace(worker, 0);
    else fail(worker, end);
  };

  const fail = (worker: Place, end: WorkerEnd) => {
    failedStarts = worker.ready ? 0 : failedStarts + 1;
    events.crashed(worker.name, end);
    const attempt = Math.ceil(failedStarts / options.size);
    if (!everReady && attempt >= HOPELESS_STARTS) hopeless.resolve(end);
    replace(
      worker,
      attempt === 0 ? 0 : backoff(attempt, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS),
    );
  };

  const replace = (worker: Place, waitMilliseconds: number) => {
    if (worker.replaced) return;
    worker.replaced = true;
    void pause(waitMilliseconds, draining.signal).then(start);
  };

  const gauge = setInterval(() => events.size(workers.size), GAUGE_MILLISECONDS);
  const watchMilliseconds = options.stallMilliseconds / 4;
  let watchedAt = performance.now();
  const watchdog = setInterval(() => {
    const now = performance.now();
    // This process stood still, or all of them: what workers say is read only after this.
    const paused = now - watchedAt - watchMilliseconds > options.stallMilliseconds / 2;
    watchedAt = now;
    for (const worker of workers) {
      if (paused) worker.heardAt = now;
      if (worker.stalled || now - worker.heardAt <= options.stallMilliseconds) continue;
      worker.stalled = true;
      worker.child.kill('SIGKILL');
    }
  }, watchMilliseconds);

  for (let count = 0; count < options.size; count += 1) start();

  return {
    hopeless: hopeless.promise,
    async drain(graceMilliseconds) {
      draining.abort();
      clearInterval(watchdog);
      clearInterval(gauge);
      const exits = [...workers].map(({ child }) => gone(child));
      for (const worker of workers) send(worker, { type: 'stop' });
      const killer = setTimeout(() => {
        for (const { child } of workers) child.kill('SIGKILL');
      }, graceMilliseconds);
      await Promise.all(exits);
      clearTimeout(killer);
    },
  };
}

function unforked(thrown: unknown): WorkerEnd {
  return { code: null, signal: null, stalled: false, error: asError(thrown) };
}

function send({ child }: Worker, command: Command): void {
  // A child that is gone can't be told; its exit is heard of separately.
  if (child.connected) child.send(command, () => {});
}

/** Its exit may be seen before its last words are heard, which would take a retired worker for one that died. */
async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await heard(child, 'exit');
  if (child.connected) await heard(child, 'disconnect');
}

function heard(child: ChildProcess, event: 'exit' | 'disconnect'): Promise<void> {
  return new Promise((resolve) => {
    child.once(event, () => resolve());
  });
}
