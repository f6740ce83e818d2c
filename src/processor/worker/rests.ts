import type { RecentRests } from '../recent-rests.ts';
import { LONGEST_REST_MILLISECONDS } from '../timeouts.ts';

/**
 * Decides how long a worker rests before it receives, while storing is slow.
 *
 * Each round writes the rows of its issues once. So few large rounds write fewer versions of a row than many small ones.
 * A transaction that holds a snapshot, such as a `pg_dump`, keeps all these versions, and each upsert looks at all of
 * them. Without rests each round would be slower than the one before.
 */
export interface Rests {
  /** Milliseconds; 0 unless the last rounds were all slow. */
  next(): number;
  /** Called with the time that an empty round takes: the way to the database and back may be long. */
  checked(milliseconds: number): void;
  /**
   * Called after each round that was stored.
   * @param isDeep whether the round left messages in the queue: a rest would only make the queue longer
   * @returns how long to rest if the last rounds were like this one
   */
  stored(messages: number, milliseconds: number, isDeep: boolean): number;
}

/** A rest has 20 times the length by which the round exceeded the usual one. */
const RATIO = 20;
/** A round takes about 5 ms, and 0.1 ms a message. On a busy machine it takes a multiple of that. */
const USUAL_MILLISECONDS = 15;
const USUAL_MILLISECONDS_A_MESSAGE = 0.2;
/** A check that takes longer was itself slowed down. */
const LONGEST_CHECK_MILLISECONDS = 500;

export function createRests(recent: RecentRests): Rests {
  let empty = 0;
  return {
    next: recent.shortest,
    checked(milliseconds) {
      empty = Math.min(milliseconds, LONGEST_CHECK_MILLISECONDS);
    },
    stored(messages, milliseconds, isDeep) {
      const excess = milliseconds - empty - USUAL_MILLISECONDS - USUAL_MILLISECONDS_A_MESSAGE * messages;
      const rest = isDeep ? 0 : Math.min(Math.max(RATIO * excess, 0), LONGEST_REST_MILLISECONDS);
      recent.add(rest);
      return rest;
    },
  };
}
