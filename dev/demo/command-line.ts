import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { guard } from '../guard.ts';
import { lastLines } from '../output.ts';
import { poll } from '../poll.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const KEPT_CHARACTERS = 64 * 1_024;
/** The processor's own grace is 30 s. */
const STOP_SECONDS = 35;

/** `bec-alerts` as a process of its own, through the real command line. */
export interface RunningCommand {
  readonly ended: Promise<void>;
  running(): boolean;
  /** Null while it runs, and where a signal ended it. */
  exitCode(): number | null;
  /** The end of its output, for a person who looks for the cause. */
  tail(): string;
  /** From now on its lines are handed over as they come. */
  follow(say: (line: string) => void): void;
  /** Sends SIGTERM and waits; sends SIGKILL if it doesn't end. */
  stop(): Promise<void>;
}

/**
 * Starts a command with only these variables. Those of the caller's shell may be set up for the real AWS, which the
 * command must not reach. The command has its own process group, so that we end it, not Ctrl-C in the terminal.
 */
export function startCommand(
  parameters: readonly string[],
  env: Readonly<Record<string, string>>,
): RunningCommand {
  // It reads a .env where it runs. The project's folder may have one, and in the temporary folder anybody can write one.
  const folder = mkdtempSync(join(tmpdir(), 'bec-alerts-command-'));
  const child = spawn(process.execPath, [MAIN, ...parameters], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const guarded = guard('kill -TERM "$1"; rmdir "$2"', [String(child.pid), folder]);
  let text = '';
  let say: ((line: string) => void) | undefined;
  let rest = '';
  const hear = (chunk: string) => {
    text = (text + chunk).slice(-KEPT_CHARACTERS);
    if (say === undefined) return;
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(say);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear);
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', (error) => {
      hear(error.message);
      resolve();
    });
  });
  void ended.then(() => {
    guarded.release();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    ended,
    running: () => isRunning(child),
    exitCode: () => child.exitCode,
    tail: () => lastLines(text),
    follow: (listener) => {
      say = listener;
    },
    stop: () => stop(child),
  };
}

/**
 * Runs a command to its end. @returns its output
 * @throws Error with the end of its output if it fails
 */
export async function runCommand(
  parameters: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const command = startCommand(parameters, env);
  const stop = () => void command.stop();
  signal.addEventListener('abort', stop, { once: true });
  await command.ended;
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (command.exitCode() !== 0) {
    throw new Error(`bec-alerts ${parameters.join(' ')} failed; the end of its output:\n${command.tail()}`);
  }
  return command.tail();
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = async () => (isRunning(child) ? undefined : true);
  for (const [name, seconds] of [
    ['SIGTERM', STOP_SECONDS],
    ['SIGKILL', 5],
  ] as const) {
    if (!isRunning(child)) return;
    child.kill(name);
    await poll('the command to end', gone, { seconds }).catch(() => undefined);
  }
}
