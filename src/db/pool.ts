import pg from 'pg';
import type { DatabaseConnection } from './client.ts';
import { clientClass } from './client.ts';
import { databaseError } from './errors.ts';
import { claimSession, inOwnTransaction, transactionSettings } from './session.ts';

/** Runs statements: a connection, or a pool if no transaction is needed. */
export interface Db {
  query<R extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<R>>;
}

/** Connections with our settings, whatever the role, the database, or a pooler between us and Postgres has set. */
export interface Pool extends pg.Pool {
  /** The statement that gives a transaction our settings. */
  readonly transactionSettings: string;
  /** Runs one statement on a connection of this pool, outside of a transaction. */
  queryOn<R extends pg.QueryResultRow>(
    client: pg.ClientBase,
    query: string | pg.QueryConfig,
    values?: unknown[],
  ): Promise<pg.QueryResult<R>>;
}

export interface PoolOptions extends DatabaseConnection {
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

/**
 * No setting is sent at the start of a connection: PgBouncer and RDS Proxy refuse such connections, and `options` in
 * DATABASE_URL would replace ours.
 */
export function createPool(options: PoolOptions): Pool {
  const timeouts = {
    statement: options.statementTimeoutMilliseconds,
    lock: options.lockTimeoutMilliseconds ?? 0,
  };
  /** The connections whose session is ours. A pooler's is not. */
  const owned = new WeakSet<pg.ClientBase>();
  const pool = new pg.Pool({
    Client: clientClass(options),
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.max,
    query_timeout: timeouts.statement + SILENCE_MILLISECONDS,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    idleTimeoutMillis: 0,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MILLISECONDS,
    onConnect: async (client) => {
      if (await claimSession(client, timeouts)) owned.add(client);
    },
  });
  pool.on('error', (error) => options.onIdleError(databaseError('an idle connection', error)));
  const settings = transactionSettings(timeouts);
  const queryOn: Pool['queryOn'] = (client, query, values) =>
    owned.has(client) ? client.query(query, values) : inOwnTransaction(client, settings, query, values);
  const query = async <R extends pg.QueryResultRow>(
    text: string | pg.QueryConfig,
    values?: unknown[],
  ): Promise<pg.QueryResult<R>> => {
    const client = await pool.connect();
    // Without a listener a connection that is lost now would end the process. The statement fails with the error too.
    const ignore = () => undefined;
    client.on('error', ignore);
    let failed = true;
    try {
      const result = await queryOn<R>(client, text, values);
      failed = false;
      return result;
    } finally {
      client.off('error', ignore);
      client.release(failed);
    }
  };
  return Object.assign(pool, { transactionSettings: settings, queryOn, query });
}

/** The URL without its password, so that it may be logged. */
export function shownUrl(url: string): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  for (const name of [...shown.searchParams.keys()]) {
    if (/pass|secret|token/i.test(name)) shown.searchParams.set(name, '***');
  }
  return shown.toString();
}
