import { execFile } from 'node:child_process';

export interface Ran {
  readonly ok: boolean;
  /** The program's standard output followed by its standard error. */
  readonly text: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly seconds?: number;
}

/** Runs a program to its end. A missing program counts as failed. */
export function run(program: string, parameters: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { input, seconds, ...rest } = options;
  return new Promise((resolve) => {
    const limits = { maxBuffer: 64 * 1_024 * 1_024, timeout: (seconds ?? 60) * 1_000 };
    const child = execFile(program, [...parameters], { ...rest, ...limits }, (error, stdout, stderr) => {
      const text = `${stdout}${stderr}`.trim();
      resolve({ ok: error === null, text: text === '' && error !== null ? error.message : text });
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

/** The output of a program, or null if it fails or is missing. */
export async function output(program: string, parameters: readonly string[]): Promise<string | null> {
  const { ok, text } = await run(program, parameters);
  return ok ? text : null;
}

/** The last lines of a text, for a person who wants to know why. */
export function lastLines(text: string, count = 15): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
