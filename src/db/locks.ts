import pg from 'pg';
import { onConnection } from './connection.ts';
import type { Db, Pool } from './pool.ts';
import type { Transaction } from './transaction.ts';
import { finish, RUN_SETTINGS } from './transaction.ts';

/** All advisory locks of a database share one range of numbers. Ours are `bec` in ASCII, followed by a digit. */
export const RUN_LOCK = 0x626563_01;
export const DELIVERY_LOCK = 0x626563_02;

/** Autovacuum gives way to a waiting lock after a second. */
const TABLE_LOCK_MILLISECONDS = 5_000;
/** Longer than the longest pause of a healthy delivery. A watcher that was frozen for this long loses its lock. */
const LONGEST_PAUSE_MILLISECONDS = 600_000;

export interface RunTransactionOptions {
  /** False rolls back at the end, for a dry run. */
  readonly keep: boolean;
  /** How long to wait for another watcher's run to end; 0 doesn't wait. */
  readonly waitMilliseconds: number;
  /** Ends the connection, and with it the wait and the work, even in the middle of a statement. */
  readonly signal: AbortSignal;
}

/**
 * Works in one REPEATABLE READ transaction, of which only one exists at a time. Its locks live and die with it, so they
 * need no session: a pooler may give each transaction another one. The table is locked first, because LOCK TABLE takes
 * no snapshot. So the snapshot sees the run that held the lock before. A function that locks would see the database as
 * it was before the wait, and the same issues would be evaluated again. Reading and writing the table isn't blocked.
 * Watchers of older versions hold the advisory lock alone.
 * @returns null if another watcher's run holds the lock
 * @throws CodedError if the database fails; errors of the work itself are thrown as they are
 */
export async function inRunTransaction<T>(
  pool: Pool,
  { keep, waitMilliseconds, signal }: RunTransactionOptions,
  work: (tx: Transaction) => Promise<T>,
): Promise<{ result: T } | null> {
  const deadline = performance.now() + waitMilliseconds;
  const inTransaction = async (client: pg.PoolClient) => {
    for (let wait = waitMilliseconds; wait >= 0; wait = deadline - performance.now()) {
      if (!(await isFree(pool, client, wait))) return null;
      if (await beginLocked(pool, client)) return { result: await finish(client, keep, work) };
      await client.query('ROLLBACK');
    }
    return null;
  };
  return await onConnection(pool, 'working in the transaction of a run', inTransaction, signal);
}

/** Waits for the advisory lock in a transaction of its own, whose snapshot is then of no importance. */
async function isFree(pool: Pool, client: pg.PoolClient, waitMilliseconds: number): Promise<boolean> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  const free = await acquire(pool, client, RUN_LOCK, waitMilliseconds);
  await client.query('ROLLBACK');
  return free;
}

/** @returns false if the lock was taken in the meantime; the transaction must then be rolled back */
async function beginLocked(pool: Pool, client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = ${TABLE_LOCK_MILLISECONDS};
       LOCK TABLE trigger_runs IN SHARE UPDATE EXCLUSIVE MODE; ${pool.transactionSettings}; ${RUN_SETTINGS}`,
    );
  } catch (error) {
    if (isLockTimeout(error)) return false;
    throw error;
  }
  return await tryLock(client, RUN_LOCK);
}

/**
 * Works while a transaction on another connection holds an advisory lock. That transaction does nothing else, so it
 * holds no snapshot. Each statement of the work first makes sure that the lock is still held, and then commits on its own.
 * Postgres frees the lock when the connection ends, so a dead process never keeps it.
 * @param waitMilliseconds how long to wait for the lock; 0 doesn't wait
 * @param signal ends both connections, and with them the wait and the work, even in the middle of a statement
 * @returns null if another session holds the lock
 * @throws CodedError if the database fails; errors of the work itself are thrown as they are
 */
export async function withLock<T>(
  pool: Pool,
  lock: number,
  waitMilliseconds: number,
  work: (db: Db) => Promise<T>,
  signal?: AbortSignal,
): Promise<{ result: T } | null> {
  const operation = 'working under an advisory lock';
  const holdAndWork = async (holder: pg.PoolClient) => {
    await holder.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    if (!(await acquire(pool, holder, lock, waitMilliseconds))) {
      await holder.query('ROLLBACK');
      return null;
    }
    await holder.query(`SET LOCAL idle_in_transaction_session_timeout = ${LONGEST_PAUSE_MILLISECONDS}`);
    const workOn = (client: pg.PoolClient) => work(guarded(pool, client, holder));
    const result = await onConnection(pool, operation, workOn, signal);
    await holder.query('COMMIT');
    return { result };
  };
  return await onConnection(pool, operation, holdAndWork, signal);
}

function guarded(pool: Pool, client: pg.PoolClient, holder: pg.PoolClient): Db {
  return {
    async query(query) {
      await holder.query('SELECT');
      return await pool.queryOn(client, query);
    },
  };
}

/** In a transaction that has just begun. If the lock isn't acquired, the transaction must be rolled back. */
async function acquire(
  pool: Pool,
  client: pg.PoolClient,
  lock: number,
  waitMilliseconds: number,
): Promise<boolean> {
  await client.query(pool.transactionSettings);
  if (waitMilliseconds === 0) return await tryLock(client, lock);
  try {
    await client.query(
      `SET LOCAL lock_timeout = ${Math.ceil(waitMilliseconds)}; SELECT pg_advisory_xact_lock(${lock})`,
    );
    return true;
  } catch (error) {
    if (isLockTimeout(error)) return false;
    throw error;
  }
}

async function tryLock(client: pg.PoolClient, lock: number): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    `SELECT pg_try_advisory_xact_lock(${lock}) AS locked`,
  );
  return rows[0]?.locked === true;
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '55P03';
}
