import type pg from 'pg';
import { onConnection } from './connection.ts';
import { isSilence } from './errors.ts';
import type { Db, Pool } from './pool.ts';

/** An open transaction. It runs one statement after the other, even if several are requested at the same time. */
export interface Transaction extends Db {
  /** The number of statements so far. */
  readonly statements: () => number;
  /** Runs the work in a savepoint. If the work fails, only its own changes are rolled back. */
  attempt<T>(work: (db: Db) => Promise<T>): Promise<T>;
}

// JIT compilation takes longer than the queries of a page. With this work_mem, daily counts are sorted in memory.
export const RUN_SETTINGS = `SET LOCAL jit = off; SET LOCAL work_mem = '32MB'`;

/**
 * Works in one REPEATABLE READ transaction, so that all queries see the same snapshot. After a failure the transaction
 * stays open and the caller must end the connection: a ROLLBACK would wait for a statement that still runs.
 * @param keep false rolls back at the end, for a dry run
 * @param access READ WRITE also where the role's transactions are read-only by default, which no later statement can change
 */
export async function inSnapshot<T>(
  pool: Pool,
  client: pg.PoolClient,
  keep: boolean,
  work: (tx: Transaction) => Promise<T>,
  access: 'READ WRITE' | '' = '',
): Promise<T> {
  await client.query(
    `BEGIN ISOLATION LEVEL REPEATABLE READ ${access}; ${pool.transactionSettings}; ${RUN_SETTINGS}`,
  );
  return await finish(client, keep, work);
}

/** Works in the open transaction, and then commits it or rolls it back, as `inSnapshot` does. */
export async function finish<T>(
  client: pg.PoolClient,
  keep: boolean,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
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
 * Works in one transaction on a connection of its own, which may write and is rolled back. All queries see the same snapshot. No lock is
 * needed, so this works during a run.
 * @param operation for the message of an error
 * @throws CodedError if the database fails; errors of the work itself are thrown as they are
 */
export async function inRolledBackTransaction<T>(
  pool: Pool,
  operation: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const inTransaction = (client: pg.PoolClient) => inSnapshot(pool, client, false, work, 'READ WRITE');
  return await onConnection(pool, operation, inTransaction);
}

/** The same, and Postgres refuses every write. */
export async function inReadOnlyTransaction<T>(
  pool: Pool,
  operation: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const readOnly = async (tx: Transaction) => {
    await forbidWrites(tx);
    return await work(tx);
  };
  return await onConnection(pool, operation, (client) => inSnapshot(pool, client, false, readOnly));
}

/** From here on Postgres refuses the transaction every write, but for temporary tables that exist already. */
export async function forbidWrites(tx: Db): Promise<void> {
  await tx.query({ text: 'SET TRANSACTION READ ONLY' });
}

function serialized(client: pg.PoolClient): Transaction {
  let last: Promise<unknown> = Promise.resolve();
  let statements = 0;
  const next = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work);
    last = turn.catch((error: unknown) => endIfSilent(client, error));
    return turn;
  };
  const counted: Db = {
    query: (query) => {
      statements += 1;
      return client.query(query);
    },
  };
  return {
    statements: () => statements,
    query: (query) => next(() => counted.query(query)),
    attempt: (work) =>
      next(async () => {
        await counted.query({ text: 'SAVEPOINT attempt' });
        try {
          const result = await work(counted);
          await counted.query({ text: 'RELEASE SAVEPOINT attempt' });
          return result;
        } catch (error) {
          endIfSilent(client, error);
          await counted.query({ text: 'ROLLBACK TO SAVEPOINT attempt' });
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
