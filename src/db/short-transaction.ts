import type pg from 'pg';
import { onConnection } from './connection.ts';
import type { Db, Pool } from './pool.ts';

/**
 * Works in one READ COMMITTED transaction on a connection of its own. If the process dies in the middle of a statement,
 * nothing of it is kept.
 * @param operation for the message of an error
 * @param signal ends the connection, even in the middle of a statement
 * @throws CodedError if the database fails; errors of the work itself are thrown as they are
 */
export async function inShortTransaction<T>(
  pool: Pool,
  operation: string,
  work: (db: Db) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const inTransaction = async (client: pg.PoolClient) => {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    await client.query(pool.transactionSettings);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  };
  return await onConnection(pool, operation, inTransaction, signal);
}
