import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Guard } from '../../dev/guard.ts';
import { guard } from '../../dev/guard.ts';
import { lastLines } from '../../dev/output.ts';
import { pause } from '../../src/runtime/loop.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const RESTART_MILLISECONDS = 500;
/** Longer than any step of a daemon after SIGTERM. */
const STOP_MILLISECONDS = 120_000;

/** One process of a daemon, from its start to its end. */
export interface Life {
  readonly pid: number;
  /** We killed it. Otherwise it ended by itself or because we asked it to. */
  killed: boolean;
  /** Once it has ended although nobody killed it: how, with the last line of its log. */
  ownEnd?: string;
}

export interface DaemonOptions {
  readonly name: string;
  readonly parameters: readonly string[];
  /** Called before each start. */
  readonly environment: (life: { current: Life | undefined }) => Promise<NodeJS.ProcessEnv>;
  /** The working directory, which also gets the log. */
  readonly folder: string;
  /** Called after each end; its promise delays the next start. */
  readonly ended: (life: Life) => Promise<void>;
}

/** One of our commands, which is started again whenever it ends, as an orchestrator does. */
export class Daemon {
  readonly name: string;
  readonly #options: DaemonOptions;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #life: Life | undefined;
  #running: Promise<void> = Promise.resolve();
  #lastCode: number | null = null;
  /** All processes that it was; each leads a process group. */
  readonly lives: Life[] = [];

  constructor(options: DaemonOptions) {
    this.name = options.name;
    this.#options = options;
    this.#running = this.#repeat();
    // `stop` reports the failure.
    this.#running.catch(() => {});
  }

  /** Undefined while it is being started again. */
  get pid(): number | undefined {
    return this.#life?.pid;
  }

  /** Ends the process at once, without a word. @returns false if it isn't running */
  kill(): boolean {
    if (this.#life === undefined || this.#child === undefined) return false;
    this.#life.killed = true;
    return this.#child.kill('SIGKILL');
  }

  /** Asks it to end, and starts it no more. @returns its exit code; null if it had to be killed */
  async stop(): Promise<number | null> {
    this.#stopping.abort();
    this.#child?.kill('SIGTERM');
    const killer = setTimeout(() => this.kill(), STOP_MILLISECONDS);
    await this.#running.finally(() => clearTimeout(killer));
    return this.#lastCode;
  }

  async #repeat(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#live();
      await pause(RESTART_MILLISECONDS, this.#stopping.signal);
    }
  }

  async #live(): Promise<void> {
    const { name, parameters, environment, folder, ended } = this.#options;
    const slot: { current: Life | undefined } = { current: undefined };
    const env = await environment(slot);
    const log = await open(join(folder, `${name}.log`), 'a');
    // A process group of its own: Ctrl-C in the terminal reaches only the soak run.
    const child = spawn(process.execPath, [MAIN, ...parameters], {
      cwd: folder,
      env,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    const life: Life = { pid: child.pid ?? 0, killed: false };
    const end = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code));
    });
    const cleanUp: Guard = guard('kill -KILL -- "-$1"', [String(life.pid)]);
    slot.current = life;
    this.lives.push(life);
    this.#child = child;
    this.#life = life;
    if (this.#stopping.signal.aborted) child.kill('SIGTERM');
    try {
      this.#lastCode = await end;
    } finally {
      this.#child = undefined;
      this.#life = undefined;
      cleanUp.release();
      await log.close();
    }
    if (!life.killed) {
      const text = await readFile(join(folder, `${name}.log`), 'utf8');
      life.ownEnd = `${name}, exit code ${this.#lastCode}: ${lastLines(text, 1)}`;
    }
    await ended(life);
  }
}
