import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Environment, Finished } from './command.ts';

const ENTRY = fileURLToPath(new URL('./reused-entry.ts', import.meta.url));

/** A command line for a process that has run others before. */
export interface ReusedRequest {
  readonly parameters: readonly string[];
  /** All variables that the command finds. */
  readonly environment: Environment;
  readonly folder: string;
  /** Printed to both outputs after the command. */
  readonly endMark: string;
}

interface Running {
  readonly endMark: string;
  readonly end: (finished: Finished) => void;
  /** Undefined until the command has ended. */
  code?: number;
}

const MOST_IDLE = 2;
const idle: ReusedProcess[] = [];

/** A process that ran commands of earlier tests, or a new one. */
export function takeProcess(environment: Environment): ReusedProcess {
  for (let one = idle.pop(); one !== undefined; one = idle.pop()) {
    if (one.isClean()) return one;
    one.kill();
  }
  return new ReusedProcess(environment);
}

export function returnProcess(reused: ReusedProcess): void {
  if (idle.length < MOST_IDLE) idle.push(reused);
  else reused.kill();
}

/**
 * A process that runs one command line after the other. Most of the CPU of a process of its own goes into starting Node
 * and loading modules.
 */
class ReusedProcess {
  readonly #child: ChildProcess;
  readonly #texts = { stdout: '', stderr: '' };
  #running: Running | undefined;
  /** A command printed something after its end. */
  #printedLate = false;

  constructor(environment: Environment) {
    this.#child = fork(ENTRY, {
      execArgv: [],
      env: { ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const name of ['stdout', 'stderr'] as const) {
      this.#child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this.#printedLate ||= this.#running === undefined;
        this.#texts[name] += text;
        this.#look();
      });
    }
    this.#child.on('message', (code) => {
      if (this.#running !== undefined) this.#running.code = Number(code);
      this.#look();
    });
    // An error outside of any `try` ends the process, and with it the command.
    this.#child.on('close', (code, signal) => {
      if (this.#running !== undefined) return this.#running.end({ code, signal, ...this.#texts });
      // Nobody waits for it any more, so the test run fails by an uncaught error.
      if (code === 0 || this.#child.killed) return;
      throw new Error(`a command failed after its end:\n${this.#texts.stderr}`);
    });
  }

  /** Whether it can run another command. */
  isClean(): boolean {
    return this.#child.connected && !this.#printedLate;
  }

  async run(request: Omit<ReusedRequest, 'endMark'>): Promise<Finished> {
    const endMark = `<end ${randomUUID()}>`;
    Object.assign(this.#texts, { stdout: '', stderr: '' });
    return await new Promise((resolve) => {
      const end = (finished: Finished) => {
        this.#running = undefined;
        resolve(finished);
      };
      this.#running = { endMark, end };
      this.#child.send({ ...request, endMark } satisfies ReusedRequest);
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** The command has ended once its exit code and the last text of both outputs are here. They arrive in any order. */
  #look(): void {
    if (this.#running?.code === undefined) return;
    const { code, endMark, end } = this.#running;
    const [stdout, ...afterStdout] = this.#texts.stdout.split(endMark);
    const [stderr, ...afterStderr] = this.#texts.stderr.split(endMark);
    if (stdout === undefined || stderr === undefined) return;
    if (afterStdout.length === 0 || afterStderr.length === 0) return;
    this.#printedLate ||= `${afterStdout}${afterStderr}` !== '';
    end({ code, signal: null, stdout, stderr });
  }
}
