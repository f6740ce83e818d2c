import pg from 'pg';
import { databaseError } from './errors.ts';

export type Pool = pg.Pool;
/** What a statement needs: a pool's connection, or a pool itself where no transaction is open. */
export interface Db {
  query<R extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<R>>;
}

export interface PoolOptions {
  readonly connectionString: string;
  /** Seen in pg_stat_activity. */
  readonly applicationName: string;
  readonly max: number;
  readonly statementTimeoutMilliseconds: number;
  /** How long a statement waits for one lock; default: as long as it may take. */
  readonly lockTimeoutMilliseconds?: number;
  /** Told of a connection that broke while nobody used it; the pool replaces it. */
  readonly onIdleError: (error: Error) => void;
}

const CONNECT_MILLISECONDS = 10_000;
/** Postgres ends a statement that takes too long; if it doesn't say so by then, its host has vanished. */
const SILENCE_MILLISECONDS = 5_000;
const KEEP_ALIVE_MILLISECONDS = 30_000;

export function createPool(options: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.max,
    statement_timeout: options.statementTimeoutMilliseconds,
    lock_timeout: options.lockTimeoutMilliseconds ?? 0,
    query_timeout: options.statementTimeoutMilliseconds + SILENCE_MILLISECONDS,
    // Dates are UTC days throughout; a server's own time zone must not move them. A client whose machine died holds
    // its locks until TCP gives up: after a minute, not after the two hours that are the system's default.
    options:
      '-c TimeZone=UTC -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3',
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    idleTimeoutMillis: 0,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MILLISECONDS,
  });
  pool.on('error', (error) => options.onIdleError(databaseError('an idle connection', error)));
  return pool;
}

/** Whether Postgres answers and `bec-alerts migrate` has run; waits for no lock of a table. @throws CodedError */
export async function checkDatabase(db: Db): Promise<void> {
  try {
    await db.query({ text: `SELECT 'issue_buckets'::regclass` });
  } catch (error) {
    throw databaseError('reaching the database', error);
  }
}

/** The URL as it may be shown: without its password. */
export function shownUrl(url: string): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  for (const name of [...shown.searchParams.keys()]) {
    if (/pass/i.test(name)) shown.searchParams.set(name, '***');
  }
  return shown.toString();
}
