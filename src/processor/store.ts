import { storeEvents } from '../db/events.ts';
import type { Db } from '../db/pool.ts';
import { hasCode, messageOf } from '../runtime/errors.ts';
import type { ReadMessage, RejectedMessage } from './read.ts';

const MAX_DETAIL = 500;

/**
 * Stores the events, all in one statement. Where Postgres refuses the data, halves are tried apart until the refused
 * message stands alone.
 * @returns what it refused
 */
export async function store(db: Db, batch: readonly ReadMessage[]): Promise<RejectedMessage[]> {
  const [first] = batch;
  if (first === undefined) return [];
  try {
    await storeEvents(
      db,
      batch.map(({ event }) => event),
    );
    return [];
  } catch (error) {
    if (!hasCode(error, 'database_refused')) throw error;
    if (batch.length === 1) {
      const detail = messageOf(error).slice(0, MAX_DETAIL);
      return [{ message: first.message, rejection: { reason: 'database_refused', detail } }];
    }
    const middle = batch.length >> 1;
    return [...(await store(db, batch.slice(0, middle))), ...(await store(db, batch.slice(middle)))];
  }
}
