import pg from 'pg';
import { databaseError, isLostConnection, isSilence } from './errors.ts';
import type { Db, Pool } from './pool.ts';

/** An open transaction. It runs one statement after the other, even if several are requested at the same time. */
export interface Transaction extends Db {
  /** The number of statements so far. */
  readonly statements: () => number;
  /** Runs the work in a savepoint. If the work fails, only its own changes are rolled back. */
  attempt<T>(work: (db: Db) => Promise<T>): Promise<T>;
}

/** All advisory locks of a database share one range of numbers. Ours are `bec` in ASCII, followed by a digit. */
export const RUN_LOCK = 0x626563_01;
export const DELIVERY_LOCK = 0x626563_02;

/**
 * Holds an advisory lock of the session during the work. Postgres frees the lock when the connection ends, so a dead
 * process never keeps it.
 * @param waitMilliseconds how long to wait for the lock; 0 doesn't wait
 * @param signal ends the connection, and with it the wait and the work, even in the middle of a statement
 * @returns null if another session holds the lock
 * @throws CodedError if the database fails; errors of the work itself are thrown as they are
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
  // Without this listener a checked-out connection that is lost while idle would end the process. The next query fails
  // with the error too.
  let lost = false;
  const onError = () => {
    lost = true;
  };
  client.on('error', onError);
  const stop = () => void client.end().catch(() => {});
  signal?.addEventListener('abort', stop);
  try {
    await noticeDeadClient(client);
    const locked = await acquire(client, lock, waitMilliseconds);
    working = locked;
    const outcome = locked ? { result: await work(client) } : null;
    working = false;
    if (locked) await client.query('SELECT pg_advisory_unlock($1)', [lock]);
    broken = false;
    return outcome;
  } catch (error) {
    if (working && !lost && isOwnFault(error)) throw error;
    throw databaseError('working under an advisory lock', error);
  } finally {
    signal?.removeEventListener('abort', stop);
    client.off('error', onError);
    // After a failure the connection is ended, which frees the lock.
    client.release(broken);
  }
}

/** Whether neither Postgres nor the connection to it caused the error. */
export function isOwnFault(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) && !isLostConnection(error);
}

/**
 * Makes Postgres check every two seconds whether this process is still connected while a statement runs or waits. If
 * the process dies during a long statement, its lock is then freed at once and not only when the statement ends.
 */
export async function noticeDeadClient(client: pg.PoolClient): Promise<void> {
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

// JIT compilation takes longer than the queries of a page. With this work_mem, daily counts are sorted in memory.
const RUN_SETTINGS = `SET LOCAL jit = off; SET LOCAL work_mem = '32MB'`;

/**
 * Works in one REPEATABLE READ transaction, so that all queries see the same snapshot. After a failure the transaction
 * stays open and the caller must end the connection: a ROLLBACK would wait for a statement that still runs.
 * @param keep false rolls back at the end, for a dry run
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

/**
 * Works in one transaction on a connection of its own, which is rolled back. All queries see the same snapshot. No lock is
 * needed, so this works during a run.
 * @param operation for the message of an error
 * @throws CodedError if the database fails; errors of the work itself are thrown as they are
 */
export async function inRolledBackTransaction<T>(
  pool: Pool,
  operation: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw databaseError(operation, error);
  });
  let broken = true;
  // Without a listener a connection that is lost while it is idle would end the process. The next query fails too.
  const onError = () => undefined;
  client.on('error', onError);
  try {
    await noticeDeadClient(client);
    const result = await inTransaction(client, false, work);
    broken = false;
    return result;
  } catch (error) {
    throw isOwnFault(error) ? error : databaseError(operation, error);
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

/** The same, and Postgres refuses every write. */
export async function inReadOnlyTransaction<T>(
  pool: Pool,
  operation: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return await inRolledBackTransaction(pool, operation, async (tx) => {
    await forbidWrites(tx);
    return await work(tx);
  });
}

/** From here on Postgres refuses the transaction every write, but for temporary tables that exist already. */
export async function forbidWrites(tx: Db): Promise<void> {
  await tx.query({ text: 'SET TRANSACTION READ ONLY' });
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
      // Three statements: the savepoint, its release, and the one query inside.
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

/**
 * Ends the connection if Postgres's host stopped answering. Each further statement then fails at once, and doesn't wait
 * for as long again.
 */
function endIfSilent(client: pg.PoolClient, error: unknown): void {
  if (!isSilence(error)) return;
  client.end().catch(() => {});
}
