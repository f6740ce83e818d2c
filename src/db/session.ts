import pg from 'pg';

/** How long statements may take, in milliseconds. 0 means without a limit. */
export interface Timeouts {
  readonly statement: number;
  /** How long a statement waits for one lock. */
  readonly lock: number;
}

/** A setting, its value, and the version of Postgres that introduced it. */
type Setting = readonly [name: string, value: string, since?: number];

const POSTGRES_14 = 140_000;
const POSTGRES_17 = 170_000;
/** Postgres checks so often whether the process is still connected. If it isn't, its statement ends and its locks are free. */
const CONNECTION_CHECK: Setting = ['client_connection_check_interval', '2s', POSTGRES_14];

/**
 * The settings that our statements and our reading of their answers depend on. A role, a database or a server may set each
 * of them to something else.
 */
function settingsOf({ statement, lock }: Timeouts): readonly Setting[] {
  return [
    ['statement_timeout', String(statement)],
    ['lock_timeout', String(lock)],
    ['idle_in_transaction_session_timeout', '0'],
    ['transaction_timeout', '0', POSTGRES_17],
    CONNECTION_CHECK,
    // Days are UTC days, and pg reads times in ISO style only.
    ['TimeZone', 'UTC'],
    ['DateStyle', 'ISO, MDY'],
    ['IntervalStyle', 'postgres'],
    ['extra_float_digits', '1'],
    ['bytea_output', 'hex'],
    // Off makes the text NULL of a null in an array.
    ['array_nulls', 'on'],
    ['transform_null_equals', 'off'],
    ['standard_conforming_strings', 'on'],
  ];
}

/** Settings of a whole session. */
const SESSION: readonly Setting[] = [
  ['default_transaction_isolation', 'read committed'],
  ['default_transaction_deferrable', 'off'],
  ['idle_session_timeout', '0', POSTGRES_14],
  // If the client's machine dies, Postgres keeps its locks until TCP gives up: with these settings after a minute, by
  // default after two hours.
  ['tcp_keepalives_idle', '30'],
  ['tcp_keepalives_interval', '10'],
  ['tcp_keepalives_count', '3'],
];

/** One statement that sets them all. @param until the end of the transaction or of the session */
function applying(settings: readonly Setting[], until: 'transaction' | 'session'): string {
  const rows = settings.map(([name, value, since = 0]) => `('${name}', '${value}', ${since})`).join(', ');
  return `SELECT set_config(name, value, ${until === 'transaction'}) FROM (VALUES ${rows}) AS ours (name, value, since)
    WHERE since <= current_setting('server_version_num')::int
      AND (name <> '${CONNECTION_CHECK[0]}' OR version() LIKE '%linux%')`;
}

/** The statement that gives a transaction our settings. It takes the transaction's snapshot. */
export function transactionSettings(timeouts: Timeouts): string {
  return applying(settingsOf(timeouts), 'transaction');
}

/**
 * Gives the session our settings, if the session is ours. A pooler hands out one server connection to many clients, one
 * transaction after the other. A setting of the session would reach other clients and not us. A pooler also answers with a
 * process id of its own, not with that of a server process.
 * @returns whether the session is ours
 */
export async function claimSession(client: pg.ClientBase, timeouts: Timeouts): Promise<boolean> {
  const { processID } = client as { readonly processID?: number | null };
  if (typeof processID !== 'number') return false;
  const settings = [...settingsOf(timeouts), ...SESSION];
  const { rowCount } = await client.query(
    `${applying(settings, 'session')} AND pg_backend_pid() = ${processID}`,
  );
  return (rowCount ?? 0) > 0;
}

/**
 * Runs one statement in a transaction of its own with our settings, for a session that isn't ours. There a prepared
 * statement may exist already, or not any more, so the statement has no name.
 */
export async function inOwnTransaction<R extends pg.QueryResultRow>(
  client: pg.ClientBase,
  settings: string,
  query: string | pg.QueryConfig,
  values?: unknown[],
): Promise<pg.QueryResult<R>> {
  const { name: _, ...unnamed } = typeof query === 'string' ? { text: query, values } : query;
  await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED; ${settings}`);
  try {
    const result = await client.query<R>(unnamed);
    const { command } = await client.query('COMMIT');
    // Postgres answers a COMMIT of a failed transaction with a rollback, not with an error.
    if (command !== 'COMMIT') throw new Error('the transaction had failed and was rolled back');
    return result;
  } catch (error) {
    // If the connection is lost, a rollback would fail too, or wait as long again.
    if (error instanceof pg.DatabaseError) await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}
