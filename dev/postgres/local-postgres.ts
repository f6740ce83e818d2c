import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { messageOf } from '../../src/runtime/errors.ts';
import { findBinaries, OLDEST_POSTGRES } from './binaries.ts';
import { startCluster } from './cluster.ts';
import { dockerAnswers, startContainer } from './container.ts';
import { installWithApt } from './install.ts';
import type { ClusterOptions, PostgresServer, StopMode } from './server.ts';
import { query } from './server.ts';

export interface PostgresOptions {
  /** Use this server and start none. Its user must be allowed to create databases. */
  readonly databaseUrl?: string | undefined;
  readonly say: (line: string) => void;
  /** Keep Postgres's own settings, as a benchmark must. Default: nothing is synced to disk. */
  readonly durable?: boolean;
  /** Preferred; another where it is taken. */
  readonly port?: number | undefined;
}

/** Postgres with hll on this machine, or the one that `databaseUrl` names. */
export interface LocalPostgres {
  readonly adminUrl: string;
  /** Whether we started it; someone else's server is never stopped. */
  readonly owned: boolean;
  /** Where the server's `pg_dump` and other programs are; undefined if they aren't on this machine. */
  readonly binDir: string | undefined;
  /** The administrator's URL for that database. */
  url(database: string): string;
  /** @returns the new database's URL */
  createDatabase(name: string, template?: string): Promise<string>;
  /** Works even if someone is connected; does nothing if the database doesn't exist. */
  dropDatabase(name: string): Promise<void>;
  /** `fast` (the default) disconnects everyone and writes a checkpoint; `immediate` is a crash. */
  stop(mode?: StopMode): Promise<void>;
  /** After `stop`: the same server on the same port. */
  start(): Promise<void>;
  /** Stops it and deletes its data; does nothing to a server that we didn't start. */
  close(): Promise<void>;
}

/**
 * In this order: the server that `databaseUrl` names, a private cluster from installed binaries, the same after
 * installing them, a container.
 * @throws one error that says what to do, with the reason why each of them can't be had
 */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const server = await findServer(options);
  options.say(`Postgres: ${server.description}`);
  return withDatabases(server);
}

/** A name that no other run uses, for a server that is shared with others. */
export function uniqueDatabaseName(prefix: string): string {
  return `${prefix}_${process.pid}_${randomBytes(4).toString('hex')}`;
}

async function findServer({
  databaseUrl,
  say,
  durable = false,
  port,
}: PostgresOptions): Promise<PostgresServer> {
  if (databaseUrl !== undefined && databaseUrl !== '') return await existingServer(databaseUrl);
  const cluster: ClusterOptions = { durable, port };
  const reasons: string[] = [];

  let installed = await findBinaries();
  if (!installed.some(usable)) {
    const versions = installed.map(({ version }) => version).join(', ');
    reasons.push(
      versions === '' ? 'no Postgres is installed' : `Postgres ${versions} is installed, without hll`,
    );
    const problem = await installWithApt(installed, say);
    if (problem !== null) reasons.push(problem);
    installed = await findBinaries();
  }
  const binaries = installed.find(usable);
  if (binaries !== undefined) return await startCluster(binaries, cluster);

  if (!(await dockerAnswers())) {
    reasons.push('no Docker engine answers');
    throw new Error(instructions(reasons));
  }
  try {
    return await startContainer(cluster, say);
  } catch (error) {
    reasons.push(messageOf(error));
    throw new Error(instructions(reasons), { cause: error });
  }
}

function usable({ version, hll }: { version: number; hll: boolean }): boolean {
  return hll && version >= OLDEST_POSTGRES;
}

function instructions(reasons: readonly string[]): string {
  return [
    `Postgres ${OLDEST_POSTGRES} or newer with the hll extension is needed. Do one of:`,
    '  - Debian, Ubuntu: sudo apt-get install postgresql postgresql-NN-hll   (NN: the version, such as 15)',
    '  - elsewhere: install Postgres and https://github.com/citusdata/postgresql-hll',
    '  - start Docker',
    '  - set DATABASE_URL to a server that has hll, with a user who may create databases',
    'What was tried:',
    ...reasons.map((reason) => `  - ${reason.replaceAll('\n', '\n    ')}`),
  ].join('\n');
}

async function existingServer(databaseUrl: string): Promise<PostgresServer> {
  if (!URL.canParse(databaseUrl)) {
    throw new Error(
      'DATABASE_URL is not a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE; correct or unset it',
    );
  }
  const { host } = new URL(databaseUrl);
  const sql = `SELECT current_setting('server_version_num')::int AS version,
      EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hll') AS hll`;
  const [found] = await query<{ version: number; hll: boolean }>(databaseUrl, sql).catch((error: unknown) => {
    const advice = 'correct it, or unset it for a private server';
    throw new Error(
      `DATABASE_URL names a server at ${host} that can't be used (${advice}): ${messageOf(error)}`,
    );
  });
  const version = Math.floor((found?.version ?? 0) / 10_000);
  if (found === undefined || !usable({ version, hll: found.hll })) {
    const problem = found?.hll
      ? `is Postgres ${version}, older than ${OLDEST_POSTGRES}`
      : 'has no hll extension to enable';
    throw new Error(
      `the server that DATABASE_URL names (${host}) ${problem}; unset DATABASE_URL for a private server`,
    );
  }
  const refuse = async () => {
    throw new Error('the server that DATABASE_URL names is not ours to stop or start');
  };
  return {
    description: `version ${version} at ${host}, as DATABASE_URL says`,
    adminUrl: databaseUrl,
    binDir: undefined,
    owned: false,
    stop: refuse,
    start: refuse,
    close: async () => undefined,
  };
}

function withDatabases(server: PostgresServer): LocalPostgres {
  const url = (database: string) => {
    const parsed = new URL(server.adminUrl);
    parsed.pathname = `/${encodeURIComponent(database)}`;
    return parsed.href;
  };
  return {
    adminUrl: server.adminUrl,
    owned: server.owned,
    binDir: server.binDir,
    url,
    async createDatabase(name, template) {
      const from = template === undefined ? '' : ` TEMPLATE ${pg.escapeIdentifier(template)}`;
      await query(server.adminUrl, `CREATE DATABASE ${pg.escapeIdentifier(name)}${from}`);
      return url(name);
    },
    async dropDatabase(name) {
      await query(server.adminUrl, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
    },
    stop: (mode = 'fast') => server.stop(mode),
    start: () => server.start(),
    close: () => server.close(),
  };
}
