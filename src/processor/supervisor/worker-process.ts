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
  /** It was killed because it had reported nothing for too long. */
  readonly stalled: boolean;
  /** Why it could not be forked; null where it was. */
  readonly error: Error | null;
}

const ENTRY = new URL(`../worker/entry${extname(import.meta.filename)}`, import.meta.url);
/**
 * The young generation's half-spaces, in MB. Node's 16 let a worker that is never replaced grow to 270 MB, these to
 * 165 at no cost in speed; a smaller old generation saves 40 MB more and costs 40 % more CPU (bench/results.md). In a
 * life of 200 messages a worker stays below 100 MB either way.
 */
const ARGUMENTS = ['--max-semi-space-size=8'];

/** A worker as the supervisor sees it. Its fork may have failed: then it has ended already. */
export class WorkerProcess {
  readonly name: string;
  readonly ended: Promise<WorkerEnd>;
  /** It polls the queue, or has done so. */
  ready = false;
  /** It has reported that it leaves soon. */
  retiring = false;
  readonly #child: ChildProcess | null;
  /** By performance.now(). */
  #heardAt = performance.now();
  #stalled = false;

  /** @param heard called with each of its reports */
  constructor(settings: WorkerSettings, environment: NodeJS.ProcessEnv, heard: (report: Report) => void) {
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
      if (!isReport(message)) throw new TypeError(`${this.name} sent a message that is no report`);
      this.#heardAt = performance.now();
      if (message.type === 'ready') this.ready = true;
      if (message.type === 'retiring') this.retiring = true;
      heard(message);
    });
    this.#send({ type: 'start', settings });
  }

  /** Asks it to finish the messages in hand and leave. */
  stop(): void {
    this.#send({ type: 'stop' });
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Counts as heard of now: this process itself stood still, and reports wait to be read. */
  excuseSilence(now: number): void {
    this.#heardAt = now;
  }

  /** Kills it if it has reported nothing for longer. */
  killIfSilent(now: number, milliseconds: number): void {
    if (this.#stalled || now - this.#heardAt <= milliseconds) return;
    this.#stalled = true;
    this.kill();
  }

  async #endOf(child: ChildProcess): Promise<WorkerEnd> {
    // Some reasons not to fork are thrown, others arrive as an event; a process that runs has an end of its own.
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
    // A process that is gone can't be told; its end is noticed separately.
    if (this.#child?.connected) this.#child.send(command, () => {});
  }
}

function notForked(thrown: unknown): WorkerEnd {
  return { code: null, signal: null, stalled: false, error: asError(thrown) };
}

/** Its exit may be noticed before its last reports are read; a worker that had retired would then count as crashed. */
async function gone(child: ChildProcess): Promise<undefined> {
  if (child.exitCode === null && child.signalCode === null) await event(child, 'exit');
  if (child.connected) await event(child, 'disconnect');
}

function event(child: ChildProcess, name: 'exit' | 'disconnect'): Promise<void> {
  return new Promise((resolve) => {
    child.once(name, () => resolve());
  });
}
