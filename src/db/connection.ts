import pg from 'pg';
import { databaseError, isLostConnection } from './errors.ts';
import type { Pool } from './pool.ts';

/**
 * Works on a connection of its own. After a failure the connection is ended, which ends its transaction and frees its
 * locks.
 * @param operation for the message of an error
 * @param signal ends the connection, and with it the work, even in the middle of a statement
 * @throws CodedError if the database fails; errors of the work itself are thrown as they are
 */
export async function onConnection<T>(
  pool: Pool,
  operation: string,
  work: (client: pg.PoolClient) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted();
  const client = await pool.connect().catch((error: unknown) => {
    throw databaseError(operation, error);
  });
  let broken = true;
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
    signal?.throwIfAborted();
    const result = await work(client);
    broken = false;
    return result;
  } catch (error) {
    throw !lost && isOwnFault(error) ? error : databaseError(operation, error);
  } finally {
    signal?.removeEventListener('abort', stop);
    client.off('error', onError);
    client.release(broken);
  }
}

/** Whether neither Postgres nor the connection to it caused the error. */
function isOwnFault(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) && !isLostConnection(error);
}
