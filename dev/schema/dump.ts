import { join } from 'node:path';
import { lastLines, run } from '../output.ts';
import { findBinaries } from '../postgres/binaries.ts';

const HEADER =
  '-- Generated from migrations/ by `npm run schema`; a test holds it against a fresh database.\n';
/** Lines of pg_dump that only a restore needs; they differ between versions. `\restrict` has a random token. */
const NOISE =
  /^(--.*|\\(un)?restrict .*|SET (\w*_timeout|client_\w+|standard_conforming_strings|check_function_bodies|xmloption|row_security|default_\w+) = .*|SELECT pg_catalog\.set_config\(.*)$/gm;

/**
 * The schema of a migrated database as SQL, the same from every version of Postgres.
 * @param binDir where the server's own `pg_dump` is; undefined to look for one, which mustn't be older than the server
 */
export async function dumpSchema(databaseUrl: string, binDir?: string): Promise<string> {
  const url = new URL(databaseUrl);
  const env = { ...process.env, PGPASSWORD: decodeURIComponent(url.password) };
  url.password = '';
  const options = ['--schema-only', '--no-owner', '--no-privileges', '--exclude-table=pgmigrations*'];
  const program = await pgDump(binDir);
  const { ok, text } = await run(program, [...options, `--dbname=${url.href}`], { env });
  if (!ok) throw new Error(`${program} failed:\n${lastLines(text)}`);
  return `${HEADER}\n${text
    .replace(NOISE, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}

async function pgDump(binDir: string | undefined): Promise<string> {
  const installed = (await findBinaries()).toSorted((a, b) => b.version - a.version);
  const directory = binDir ?? installed[0]?.binDir;
  // Perhaps the client alone is installed, and in the PATH.
  return directory === undefined ? 'pg_dump' : join(directory, 'pg_dump');
}
