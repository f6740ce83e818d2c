import { databaseError } from './errors.ts';
import type { Db, Pool } from './pool.ts';
import { isOwnFault, noticeDeadClient } from './transaction.ts';

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
  signal.throwIfAborted();
  const client = await pool.connect().catch((error: unknown) => {
    throw databaseError(operation, error);
  });
  let broken = true;
  // Without a listener a connection that is lost while it is idle would end the process. The next query fails too.
  const onError = () => undefined;
  const stop = () => void client.end().catch(() => {});
  client.on('error', onError);
  signal.addEventListener('abort', stop);
  try {
    await noticeDeadClient(client);
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    broken = signal.aborted;
    return result;
  } catch (error) {
    throw isOwnFault(error) ? error : databaseError(operation, error);
  } finally {
    signal.removeEventListener('abort', stop);
    client.off('error', onError);
    // After a failure the connection is ended, which rolls back.
    client.release(broken);
  }
}
