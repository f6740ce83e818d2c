import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseEnv } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { writeEnvFile } from '../../../../dev/demo/env-file.ts';

const VARIABLES = { A: 'plain', B: 'postgres://u:p@h:1/d?x=1&y=2', C: 'a # "b"', D: '' };

async function envFile(): Promise<URL> {
  const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-env-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return pathToFileURL(join(folder, '.env'));
}

it('is read by Node as it was meant, by its owner alone', async () => {
  const file = await envFile();
  await writeEnvFile(file, VARIABLES);
  expect(parseEnv(await readFile(file, 'utf8'))).toEqual(VARIABLES);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

it('is removed at the end', async () => {
  const file = await envFile();
  const remove = await writeEnvFile(file, VARIABLES);
  await remove?.();
  expect(existsSync(file)).toBe(false);
});

it('of someone else’s is left as it is', async () => {
  const file = await envFile();
  await writeFile(file, 'SECRET=mine\n');
  expect(await writeEnvFile(file, VARIABLES)).toBe(null);
  expect(await readFile(file, 'utf8')).toBe('SECRET=mine\n');
});

it('that a killed one left is written again', async () => {
  const file = await envFile();
  await writeEnvFile(file, { A: 'old' });
  expect(await writeEnvFile(file, { A: 'new' })).not.toBe(null);
  expect(parseEnv(await readFile(file, 'utf8'))).toEqual({ A: 'new' });
});

it('that another one wrote since is not removed', async () => {
  const file = await envFile();
  const remove = await writeEnvFile(file, { A: 'first' });
  await writeEnvFile(file, { A: 'second' });
  await remove?.();
  expect(parseEnv(await readFile(file, 'utf8'))).toEqual({ A: 'second' });
});
