import { access, readdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { output } from '../output.ts';

export const OLDEST_POSTGRES = 13;

/** One installation of Postgres on this machine. */
export interface PostgresBinaries {
  readonly version: number;
  readonly binDir: string;
  /** Whether postgresql-hll is installed for it. */
  readonly hll: boolean;
}

/** Every installation that can run a cluster: those with hll first, then the newest. */
export async function findBinaries(): Promise<PostgresBinaries[]> {
  const directories = new Set([
    ...(await versioned('/usr/lib/postgresql', 'bin')),
    ...(await versioned('/usr', 'bin', /^pgsql-\d+$/)),
    ...(await versioned('/opt/homebrew/opt', 'bin', /^postgresql(@\d+)?$/)),
    ...(await reportedByPgConfig()),
    ...(process.env.PATH ?? '').split(delimiter).filter((directory) => directory !== ''),
  ]);
  const found = await Promise.all([...directories].map(inspect));
  return found
    .filter((binaries) => binaries !== null)
    .sort((a, b) => Number(b.hll) - Number(a.hll) || b.version - a.version);
}

async function versioned(parent: string, child: string, names = /^\d+$/): Promise<string[]> {
  const entries = await readdir(parent).catch(() => []);
  return entries.filter((name) => names.test(name)).map((name) => join(parent, name, child));
}

async function reportedByPgConfig(): Promise<string[]> {
  const binDir = await output('pg_config', ['--bindir']);
  return binDir === null ? [] : [binDir];
}

async function inspect(binDir: string): Promise<PostgresBinaries | null> {
  if (!(await exists(join(binDir, 'initdb'))) || !(await exists(join(binDir, 'postgres')))) return null;
  const version = Number(/\) (\d+)/.exec((await output(join(binDir, 'postgres'), ['--version'])) ?? '')?.[1]);
  if (!Number.isInteger(version)) return null;
  return { version, binDir, hll: await hasHll(binDir, version) };
}

/** A minimal server package has no pg_config, so the usual places are looked at as well. */
async function hasHll(binDir: string, version: number): Promise<boolean> {
  const shareDirs = [
    await output(join(binDir, 'pg_config'), ['--sharedir']),
    `/usr/share/postgresql/${version}`,
    join(dirname(binDir), 'share'),
  ];
  for (const shareDir of shareDirs) {
    if (shareDir !== null && (await exists(join(shareDir, 'extension', 'hll.control')))) return true;
  }
  return false;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
