import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { backoff, pause } from '../runtime/loop.ts';
import type { Command, Report, WorkerSettings } from './messages.ts';
import { isReport } from './messages.ts';

/** What the pool tells of its workers. */
export interface PoolEvents {
  report(worker: string, report: Report): void;
  /** A worker ended that was neither retiring nor told to stop. */
  crashed(worker: string, exit: { code: number | null; signal: NodeJS.Signals | null }): void;
  /** How many workers run now. */
  size(workers: number): void;
}

export interface WorkerPool {
  /** Tells every worker to stop and waits for them; those that stay longer than the grace are killed. */
  drain(graceMilliseconds: number): Promise<void>;
}

interface Worker {
  readonly name: string;
  readonly child: ChildProcess;
  ready: boolean;
  /** Its replacement is on its way, or none is wanted. */
  replaced: boolean;
}

const WORKER_ENTRY = new URL(`./worker${extname(import.meta.filename)}`, import.meta.url);
const FIRST_RETRY_MILLISECONDS = 100;
const LONGEST_RETRY_MILLISECONDS = 10_000;

/** Forks `size` workers and replaces each that retires or dies; deaths before being ready put the next fork off. */
export function startPool(
  size: number,
  environment: NodeJS.ProcessEnv,
  settings: (name: string) => WorkerSettings,
  events: PoolEvents,
): WorkerPool {
  const workers = new Set<Worker>();
  const draining = new AbortController();
  let number = 0;
  let failedStarts = 0;

  const start = () => {
    if (draining.signal.aborted) return;
    number += 1;
    const name = `worker-${number}`;
    const child = fork(WORKER_ENTRY, {
      env: environment,
      execArgv: [],
    });
    const worker: Worker = { name, child, ready: false, replaced: false };
    workers.add(worker);
    events.size(workers.size);
    child.on('message', (message: unknown) => hear(worker, message));
    child.once('exit', (code, signal) => leave(worker, { code, signal }));
    child.once('error', () => leave(worker, { code: null, signal: null }));
    send(worker, { type: 'start', settings: settings(name) });
  };

  const hear = (worker: Worker, message: unknown) => {
    if (!isReport(message)) throw new TypeError(`${worker.name} sent a message that is no report`);
    if (message.type === 'ready') {
      worker.ready = true;
      failedStarts = 0;
    }
    if (message.type === 'retiring') replace(worker, 0);
    events.report(worker.name, message);
  };

  const leave = (worker: Worker, exit: { code: number | null; signal: NodeJS.Signals | null }) => {
    if (!workers.delete(worker)) return;
    events.size(workers.size);
    if (worker.replaced || draining.signal.aborted) return;
    failedStarts = worker.ready ? 0 : failedStarts + 1;
    events.crashed(worker.name, exit);
    replace(
      worker,
      failedStarts === 0 ? 0 : backoff(failedStarts, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS),
    );
  };

  const replace = (worker: Worker, waitMilliseconds: number) => {
    if (worker.replaced) return;
    worker.replaced = true;
    void pause(waitMilliseconds, draining.signal).then(start);
  };

  for (let count = 0; count < size; count += 1) start();

  return {
    async drain(graceMilliseconds) {
      draining.abort();
      const exits = [...workers].map(({ child }) => exited(child));
      for (const worker of workers) send(worker, { type: 'stop' });
      const killer = setTimeout(() => {
        for (const { child } of workers) child.kill('SIGKILL');
      }, graceMilliseconds);
      await Promise.all(exits);
      clearTimeout(killer);
    },
  };
}

function send({ child }: Worker, command: Command): void {
  // A child that is gone can't be told; its exit is heard of separately.
  if (child.connected) child.send(command, () => {});
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
  });
}
