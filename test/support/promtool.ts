import { copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject, onTestFinished } from 'vitest';
import type { Ran } from '../../dev/output.ts';
import { lastLines, output, run } from '../../dev/output.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** From Debian's package `prometheus`. `npm ci` removes it. */
const OWN = join(ROOT, 'node_modules/.cache/bec-alerts/promtool');
const MINUTES_10 = 600;

export async function findPromtool(): Promise<string | null> {
  for (const program of ['promtool', OWN]) {
    if ((await output(program, ['--version'])) !== null) return program;
  }
  return null;
}

/**
 * Unpacks promtool from Debian's package. Installing the package would start a Prometheus on the machine.
 * @returns null, or why it failed
 */
export async function unpackPromtool(): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-promtool-'));
  try {
    const options = { cwd: folder, seconds: MINUTES_10 };
    const downloaded = await run('apt-get', ['-q', 'download', 'prometheus'], options);
    if (!downloaded.ok) return `apt-get download prometheus failed:\n${lastLines(downloaded.text)}`;
    const [file = ''] = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
    const unpacked = await run('dpkg-deb', ['--extract', file, 'unpacked'], options);
    if (!unpacked.ok) return `unpacking ${file} failed:\n${lastLines(unpacked.text)}`;
    await mkdir(join(OWN, '..'), { recursive: true });
    // Two test runs may do this at once. The file must be complete when it appears, and may be on another disk.
    const copy = `${OWN}.${process.pid}`;
    await copyFile(join(folder, 'unpacked/usr/bin/promtool'), copy);
    await rename(copy, OWN);
    return null;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs promtool. @param input its standard input @throws if promtool is missing */
export async function promtool(
  parameters: readonly string[],
  { cwd = ROOT, input = '' }: { readonly cwd?: string; readonly input?: string } = {},
): Promise<Ran> {
  const { promtool: program, missing } = inject('programs');
  if (program === null) throw new Error(missing ?? 'promtool is missing');
  return await run(program, parameters, { cwd, input, seconds: MINUTES_10 });
}

/** A folder with these files, removed after the test. */
export async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-rules-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}
