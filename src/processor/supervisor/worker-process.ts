import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { asError } from '../../runtime/errors.ts';
import type { Command, Report, WorkerSettings } from '../protocol.ts';
import { isReport } from '../protocol.ts';

/** How a worker process ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The supervisor killed it because it had reported nothing for too long. */
  readonly stalled: boolean;
  /** The error if the fork failed; otherwise null. */
  readonly error: Error | null;
}

const ENTRY = new URL(`../worker/entry${extname(import.meta.filename)}`, import.meta.url);
/**
 * Size of a semi-space of V8's young generation, in MB. With Node's default of 16 a worker that is never replaced grows
 * to 270 MB. With 8 it grows to 165 MB and is as fast. A smaller old generation saves 40 MB more but costs 40 % more
 * CPU (bench/results.md). A worker that lives for 200 messages stays below 100 MB with either.
 */
const ARGUMENTS = ['--max-semi-space-size=8'];

/** A worker as the supervisor sees it. If its fork failed, it has ended already. */
export class WorkerProcess {
  readonly name: string;
  readonly ended: Promise<WorkerEnd>;
  /** It has polled the queue at least once. */
  ready = false;
  /** It has reported that it ends soon. */
  retiring = false;
  readonly #child: ChildProcess | null;
  /** Time of the last report, by performance.now(). */
  #reportedAt = performance.now();
  #stalled = false;

  constructor(settings: WorkerSettings, environment: NodeJS.ProcessEnv, onReport: (report: Report) => void) {
    this.name = settings.name;
    try {
      this.#child = fork(ENTRY, { env: environment, execArgv: ARGUMENTS });
    } catch (thrown) {
      this.#child = null;
      this.ended = Promise.resolve(notForked(thrown));
      return;
    }
    this.ended = this.#endOf(this.#child);
    this.#child.on('message', (message: unknown) => {
      if (!isReport(message)) throw new TypeError(`${this.name} sent a message that is not a report`);
      this.#reportedAt = performance.now();
      if (message.type === 'ready') this.ready = true;
      if (message.type === 'retiring') this.retiring = true;
      onReport(message);
    });
    this.#send({ type: 'start', settings });
  }

  /** Asks the worker to finish the messages in progress and to end. */
  stop(): void {
    this.#send({ type: 'stop' });
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Counts the worker's silence from now on: this process itself was paused, and unread reports may be waiting. */
  excuseSilence(now: number): void {
    this.#reportedAt = now;
  }

  /** Kills the worker if it has reported nothing for longer. */
  killIfSilent(now: number, milliseconds: number): void {
    if (this.#stalled || now - this.#reportedAt <= milliseconds) return;
    this.#stalled = true;
    this.kill();
  }

  async #endOf(child: ChildProcess): Promise<WorkerEnd> {
    // `fork` throws some of its errors and emits others as an event. A process that has a pid was forked, and its exit
    // is noticed by itself.
    const failedFork = new Promise<Error>((resolve) => {
      child.on('error', (error) => {
        if (child.pid === undefined) resolve(error);
      });
    });
    const error = await Promise.race([failedFork, gone(child)]);
    if (error !== undefined) return notForked(error);
    return { code: child.exitCode, signal: child.signalCode, stalled: this.#stalled, error: null };
  }

  #send(command: Command): void {
    // Sending to a process that has ended fails. Its end is noticed separately.
    if (this.#child?.connected) this.#child.send(command, () => {});
  }
}

function notForked(thrown: unknown): WorkerEnd {
  return { code: null, signal: null, stalled: false, error: asError(thrown) };
}

/**
 * Waits for the exit and for the channel's end. Node can emit the exit before the last reports are read; a worker that
 * reported its retirement last would then count as crashed.
 */
async function gone(child: ChildProcess): Promise<undefined> {
  if (child.exitCode === null && child.signalCode === null) await event(child, 'exit');
  if (child.connected) await event(child, 'disconnect');
}

function event(child: ChildProcess, name: 'exit' | 'disconnect'): Promise<void> {
  return new Promise((resolve) => {
    child.once(name, () => resolve());
  });
}
