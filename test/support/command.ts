import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { poll } from '../../dev/poll.ts';
import { returnProcess, takeProcess } from './reused-process.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** All that it printed so far. */
  output(): string;
  /** Waits until its output matches the pattern this often. @returns that match */
  printed(pattern: RegExp, times?: number): Promise<RegExpExecArray>;
}

/**
 * Starts the real command line. It is killed at the end of the test, should it still run.
 * @param cwd where it looks for a .env; default: an empty folder of its own
 * @param main the command line's file; default: the file of this version
 */
export function startCommand(
  parameters: readonly string[],
  env: Environment,
  cwd = emptyFolder(),
  main = MAIN,
): RunningCommand {
  const child = spawn(process.execPath, [main, ...parameters], {
    cwd,
    env: { ...basics(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    texts.stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    texts.stderr += String(chunk);
  });
  let closed = false;
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      closed = true;
      resolve({ code, signal, ...texts });
    });
  });
  const running = () => child.exitCode === null && child.signalCode === null;
  onTestFinished(async () => {
    if (running()) child.kill('SIGKILL');
    await finished;
  });
  const output = () => texts.stdout + texts.stderr;
  return {
    pid: child.pid ?? 0,
    child,
    finished,
    output,
    printed: (pattern, times = 1) => {
      let searched = 0;
      const search = async () => {
        const [all, ended] = [output(), closed];
        // A text is searched once: each time would take more CPU than the rest of the test.
        if (all.length === searched && !ended) return undefined;
        searched = all.length;
        const match = [...all.matchAll(new RegExp(pattern, `${pattern.flags}g`))][times - 1];
        if (match === undefined && ended)
          throw new Error(`${parameters[0]} ended without ${times} × ${pattern}:\n${all}`);
        return match;
      };
      const what = `${times} × ${pattern} in the output of ${parameters[0]}`;
      return poll(what, search, { everyMilliseconds: 50 });
    },
  };
}

/** None of the caller's variables but these: a shell or a home that is set up for the real AWS must not reach a test. */
function basics(): Environment {
  const { PATH, HOME, NODE_COMPILE_CACHE, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE } = process.env;
  const awsFiles = { AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE };
  return { PATH, HOME, NODE_COMPILE_CACHE, NODE_NO_WARNINGS: '1', ...awsFiles };
}

/** Removed at the end of the test. */
function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bec-alerts-command-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs the real command line to its end in a process of its own: for tests of how a process starts and ends. */
export async function runInOwnProcess(
  parameters: readonly string[],
  env: Environment,
  cwd?: string,
): Promise<Finished> {
  return await startCommand(parameters, env, cwd).finished;
}

/** Node and the libraries below it read these when the process starts. Sentry's SDK stays in a process. */
const OWN_PROCESS = /^(NODE_|LANG$|LC_|SSL_|UV_|SENTRY_DSN)/;

/** Runs the real command line to its end, if possible in a process that ran others before. */
export async function runCommand(
  parameters: readonly string[],
  env: Environment,
  cwd?: string,
): Promise<Finished> {
  if (Object.keys(env).some((name) => OWN_PROCESS.test(name))) {
    return await runInOwnProcess(parameters, env, cwd);
  }
  const chosen = takeProcess(basics());
  let ended = false;
  onTestFinished(() => {
    if (!ended) chosen.kill();
  });
  const environment = { ...basics(), ...env };
  const finished = await chosen.run({ parameters, environment, folder: cwd ?? emptyFolder() });
  ended = true;
  returnProcess(chosen);
  return finished;
}

/** Runs the real command line with a standard output that its reader has closed. */
export async function runUnread(
  parameters: readonly string[],
  env: Environment,
): Promise<Pick<Finished, 'code' | 'stderr'>> {
  const script = '{ "$@"; echo "code $?" >&2; } | :';
  const child = spawn('sh', ['-c', script, 'sh', process.execPath, MAIN, ...parameters], {
    cwd: emptyFolder(),
    env: { ...basics(), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const printed = await text(child.stderr);
  const [, stderr = '', code] = /^([\s\S]*)code (\d+)\n$/.exec(printed) ?? [];
  return { code: code === undefined ? null : Number(code), stderr };
}

/** Commands that need the database alone. In this order they succeed on an empty one. */
export const ON_THE_DATABASE: readonly (readonly string[])[] = [
  ['migrate'],
  ['watcher', '--once', '--console-alerts'],
  ['silences'],
  ['backtest', '--days', '1'],
];

/** The log lines of a command that ran with `LOG_FORMAT=mozlog`. */
export function records(output: string): { Fields: Record<string, unknown>; [key: string]: unknown }[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}

/** The origin of a daemon's pages, once it serves them. It was started with `PORT=0` and `LOG_FORMAT=mozlog`. */
export async function servedAt(daemon: RunningCommand): Promise<string> {
  await daemon.printed(/serving \/__heartbeat__/);
  const line = records(daemon.output()).find(({ Fields }) => String(Fields.msg).startsWith('serving'));
  return `http://127.0.0.1:${line?.Fields.port}`;
}
