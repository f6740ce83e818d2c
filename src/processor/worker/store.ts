import { storeEvents } from '../../db/events.ts';
import type { Db } from '../../db/pool.ts';
import { hasCode, messageOf } from '../../runtime/errors.ts';
import { SEARCH_TIMEOUT_MILLISECONDS } from '../protocol.ts';
import type { LeftMessage, ReadMessage, RejectedMessage } from './parse.ts';

export interface StoreOutcome {
  /** What Postgres will never take. */
  readonly refused: readonly RejectedMessage[];
  /** What may be stored another time: somebody holds its row, a trigger raised, its page is corrupt. */
  readonly unstored: readonly LeftMessage[];
}

const MAX_DETAIL = 500;

/**
 * Stores the events, all in one statement. Where that fails by the data or the row of one, halves are tried apart,
 * large ones first, until that message stands alone.
 * @throws CodedError what is no single message's: of no connection, of a full disk, or of each message alike
 */
export async function store(
  db: Db,
  batch: readonly ReadMessage[],
  searchMilliseconds = SEARCH_TIMEOUT_MILLISECONDS,
): Promise<StoreOutcome> {
  const refused: RejectedMessage[] = [];
  const unstored: LeftMessage[] = [];
  const leave = (part: readonly ReadMessage[], error: unknown) => {
    unstored.push(...part.map(({ message }) => ({ message, error })));
  };
  const deadline = performance.now() + searchMilliseconds;
  const parts = batch.length === 0 ? [] : [batch];
  let failure: unknown = null;
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    if (failure !== null && performance.now() > deadline) {
      leave(part, failure);
      continue;
    }
    try {
      await storeEvents(
        db,
        part.map(({ event }) => event),
      );
    } catch (error) {
      if (!mayBeOfOne(error)) throw error;
      failure = error;
      const middle = part.length >> 1;
      if (middle > 0) parts.push(part.slice(0, middle), part.slice(middle));
      else if (hasCode(error, 'database_refused')) {
        const rejection = {
          reason: 'database_refused' as const,
          detail: messageOf(error).slice(0, MAX_DETAIL),
        };
        refused.push(...part.map(({ message }) => ({ message, rejection })));
      } else leave(part, error);
    }
  }
  if (unstored.length > 0 && unstored.length === batch.length) throw failure;
  return { refused, unstored };
}

function mayBeOfOne(error: unknown): boolean {
  return hasCode(error, 'database_refused') || (hasCode(error, 'database_failed') && error.retryable);
}
