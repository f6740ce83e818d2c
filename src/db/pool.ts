import pg from 'pg';
import { databaseError } from './errors.ts';

export type Pool = pg.Pool;
/** Runs statements: a connection, or a pool if no transaction is needed. */
export interface Db {
  query<R extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<R>>;
}

export interface PoolOptions {
  readonly connectionString: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly max: number;
  readonly statementTimeoutMilliseconds: number;
  /** How long a statement waits for one lock. Default: until the statement's own timeout. */
  readonly lockTimeoutMilliseconds?: number;
  /** Called if a connection is lost while it is idle. The pool replaces the connection. */
  readonly onIdleError: (error: Error) => void;
}

const CONNECT_MILLISECONDS = 10_000;
/** Postgres cancels a statement that takes too long. If it hasn't answered this long after that, its host is gone. */
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
    // All dates are UTC days, and the server's time zone must not change them. pg reads times in ISO style only. If the client's machine dies, Postgres
    // keeps its locks until TCP gives up: with these settings after a minute, by default after two hours.
    options:
      '-c TimeZone=UTC -c DateStyle=ISO -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3',
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    idleTimeoutMillis: 0,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MILLISECONDS,
  });
  pool.on('error', (error) => options.onIdleError(databaseError('an idle connection', error)));
  return pool;
}

/**
 * Checks that Postgres answers and that `bec-alerts migrate` has run. It waits for no table lock.
 * @throws CodedError
 */
export async function checkDatabase(db: Db): Promise<void> {
  try {
    await db.query({ text: `SELECT 'issue_buckets'::regclass` });
  } catch (error) {
    throw databaseError('reaching the database', error);
  }
}

/** The URL without its password, so that it may be logged. */
export function shownUrl(url: string): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  for (const name of [...shown.searchParams.keys()]) {
    if (/pass/i.test(name)) shown.searchParams.set(name, '***');
  }
  return shown.toString();
}
