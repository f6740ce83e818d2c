import pg from 'pg';
import { databaseError, isLostConnection, isSilence } from './errors.ts';
import type { Db, Pool } from './pool.ts';

/** An open transaction. Its statements are put one after the other, whoever asks at the same time. */
export interface Transaction extends Db {
  /** How many statements were put so far. */
  readonly statements: () => number;
  /** Runs the work in a savepoint, so that what fails in it costs the transaction nothing else. */
  attempt<T>(work: (db: Db) => Promise<T>): Promise<T>;
}

/** Advisory locks are one number space in a database; these are `bec` in ASCII and a digit. */
export const RUN_LOCK = 0x626563_01;
export const DELIVERY_LOCK = 0x626563_02;

/**
 * Holds a session's advisory lock during the work. Postgres frees it when the connection ends, so a dead process
 * never keeps it.
 * @param waitMilliseconds how long to wait for the lock, 0 for not at all
 * @param signal ends the wait and the work by ending the connection, whatever statement they wait for
 * @returns null if another session holds the lock
 * @throws CodedError where the database fails, and what the work throws of its own
 */
export async function withLock<T>(
  pool: Pool,
  lock: number,
  waitMilliseconds: number,
  work: (client: pg.PoolClient) => Promise<T>,
  signal?: AbortSignal,
): Promise<{ result: T } | null> {
  signal?.throwIfAborted();
  const client = await pool.connect().catch((error: unknown) => {
    throw databaseError('connecting to the database', error);
  });
  let broken = true;
  let working = false;
  // A checked-out connection that breaks while idle would otherwise end the process; the next query says it too.
  let lost = false;
  const onError = () => {
    lost = true;
  };
  client.on('error', onError);
  const stop = () => void client.end().catch(() => {});
  signal?.addEventListener('abort', stop);
  try {
    await noticeDeath(client);
    const locked = await acquire(client, lock, waitMilliseconds);
    working = locked;
    const outcome = locked ? { result: await work(client) } : null;
    working = false;
    if (locked) await client.query('SELECT pg_advisory_unlock($1)', [lock]);
    broken = false;
    return outcome;
  } catch (error) {
    const ownFault = !lost && !(error instanceof pg.DatabaseError) && !isLostConnection(error);
    if (working && ownFault) throw error;
    throw databaseError('working under an advisory lock', error);
  } finally {
    signal?.removeEventListener('abort', stop);
    client.off('error', onError);
    // Ending the connection is what frees the lock after a failure.
    client.release(broken);
  }
}

/**
 * Postgres looks every few seconds whether this process is still there while a statement runs or waits; a lock of
 * one that died in the middle of a long statement is free then, not when the statement ends.
 */
async function noticeDeath(client: pg.PoolClient): Promise<void> {
  await client.query(
    `SELECT set_config('client_connection_check_interval', '2s', false)
     WHERE current_setting('server_version_num')::int >= 140000 AND version() LIKE '%linux%'`,
  );
}

async function acquire(client: pg.PoolClient, lock: number, waitMilliseconds: number): Promise<boolean> {
  if (waitMilliseconds === 0) {
    const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
      lock,
    ]);
    return rows[0]?.locked === true;
  }
  await client.query(`SET lock_timeout = ${Math.ceil(waitMilliseconds)}`);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lock]);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '55P03') return false;
    throw error;
  } finally {
    await client.query('RESET lock_timeout').catch(() => {});
  }
}

// Compiling a query takes longer than a page's query. Sums of daily counts are sorted in memory rather than on disk.
const RUN_SETTINGS = `SET LOCAL jit = off; SET LOCAL work_mem = '32MB'`;

/**
 * Works in one REPEATABLE READ transaction, so that every question is answered from one snapshot. After a failure it
 * is left open, for the caller to end the connection: a ROLLBACK would wait behind a statement that still runs.
 * @param keep false rolls back at the end, for a run that leaves no trace
 */
export async function inTransaction<T>(
  client: pg.PoolClient,
  keep: boolean,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; ${RUN_SETTINGS}`);
  try {
    const result = await work(serialized(client));
    const { command } = await client.query(keep ? 'COMMIT' : 'ROLLBACK');
    // Postgres answers a COMMIT of a failed transaction with a rollback, not with an error.
    if (keep && command !== 'COMMIT') throw new Error('the transaction had failed and was rolled back');
    return result;
  } catch (error) {
    endIfSilent(client, error);
    throw error;
  }
}

function serialized(client: pg.PoolClient): Transaction {
  let last: Promise<unknown> = Promise.resolve();
  let statements = 0;
  const next = <T>(count: number, work: () => Promise<T>): Promise<T> => {
    statements += count;
    const turn = last.then(work);
    last = turn.catch((error: unknown) => endIfSilent(client, error));
    return turn;
  };
  return {
    statements: () => statements,
    query: (query) => next(1, () => client.query(query)),
    attempt: (work) =>
      // The savepoint, its release and the one question that is asked in it.
      next(3, async () => {
        await client.query('SAVEPOINT attempt');
        try {
          const result = await work(client);
          await client.query('RELEASE SAVEPOINT attempt');
          return result;
        } catch (error) {
          endIfSilent(client, error);
          await client.query('ROLLBACK TO SAVEPOINT attempt');
          throw error;
        }
      }),
  };
}

/** Where Postgres's host is silent, each further statement would wait for as long again: without the connection it fails at once. */
function endIfSilent(client: pg.PoolClient, error: unknown): void {
  if (!isSilence(error)) return;
  client.end().catch(() => {});
}
