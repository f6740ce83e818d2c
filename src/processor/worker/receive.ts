import type { QueueMessage } from '../../queue/queue.ts';
import { MAX_BATCH } from '../../queue/queue.ts';
import { pause } from '../../runtime/loop.ts';
import { LONGEST_GROWTH_MILLISECONDS } from '../timeouts.ts';
import type { Lifetime } from './lifetime.ts';
import type { Passes } from './passes.ts';
import { MOST_PASS, MOST_PASS_TEXT, textOf } from './passes.ts';

/** Receives a worker's messages, in rounds. The messages of a round are stored together. */
export interface Receiver {
  /**
   * Returns the next round, which may be empty, and begins to receive the one after it. Null once the worker's lifetime
   * is over or the signal has fired.
   */
  next(): Promise<readonly QueueMessage[] | null>;
  /**
   * Stops receiving until `next` is called again.
   * @returns messages that were received but not returned by `next` yet
   */
  cancel(): Promise<readonly QueueMessage[]>;
}

/** SQS may answer with fewer messages than it has. After an answer with fewer than these, there are few or none. */
const FEW_MESSAGES = 5;
/** Limit for the messages of a round of several passes. */
const MOST_MESSAGES = 400;
/** Limit for the bodies of such a round, in UTF-16 units. 400 usual events have 5 MB. */
const MOST_TEXT = 2 * MOST_PASS_TEXT;
/** A round with as many messages doesn't wait for more. */
const ENOUGH_MESSAGES = 200;

/**
 * A round is one pass. While Postgres keeps old versions of rows, it is several, until it has all messages of the queue
 * or is large enough. Each round writes the rows of its issues once, so few large rounds write fewer versions. If a round
 * has few messages, the worker rests, and adds the messages that came in the meantime.
 * @param restNow how long the worker rests, in milliseconds; 0 while no old versions are kept
 */
export function createReceiver(
  passes: Passes,
  lifetime: Lifetime,
  restNow: () => number,
  signal: AbortSignal,
): Receiver {
  let coming: { readonly round: Promise<readonly QueueMessage[]>; cancel(): void } | null = null;

  const receive = async (stop: AbortSignal): Promise<readonly QueueMessage[]> => {
    const first = await passes.next(stop);
    const rest = restNow();
    if (rest === 0 || first.length === 0) return first;
    const { round, isShallow } = await grow(passes, first, first.length, stop);
    // While a worker retires, its replacement rests.
    if (!isShallow || round.length >= ENOUGH_MESSAGES || lifetime.retiring()) return round;
    await pause(rest, stop);
    return (await grow(passes, round, MAX_BATCH, stop)).round;
  };

  const begin = () => {
    if (coming !== null || lifetime.left() <= 0 || signal.aborted) return;
    const stop = new AbortController();
    const cancel = () => stop.abort();
    signal.addEventListener('abort', cancel, { once: true });
    const round = receive(stop.signal).finally(() => signal.removeEventListener('abort', cancel));
    // The promise is awaited later. Until then its failure must not count as an unhandled rejection.
    round.catch(() => {});
    coming = { round, cancel };
  };

  const take = async (): Promise<readonly QueueMessage[]> => {
    const current = coming;
    coming = null;
    return (await current?.round) ?? [];
  };

  return {
    async next() {
      begin();
      if (coming === null) return null;
      const round = await take();
      begin();
      return round;
    },
    async cancel() {
      coming?.cancel();
      return await take();
    },
  };
}

/**
 * Adds passes to a round until a pass brings little, or the round is large enough.
 * @param expected messages that another pass may bring; it may bring twice as many
 * @returns the messages, and whether the last pass brought little
 */
async function grow(
  passes: Passes,
  before: readonly QueueMessage[],
  expected: number,
  stop: AbortSignal,
): Promise<{ readonly round: readonly QueueMessage[]; readonly isShallow: boolean }> {
  const round = [...before];
  const end = AbortSignal.any([stop, AbortSignal.timeout(LONGEST_GROWTH_MILLISECONDS)]);
  let count = expected;
  while (count >= FEW_MESSAGES && !end.aborted) {
    const most = Math.min(2 * count, MOST_PASS);
    const text = textOf(round);
    if (round.length + most > MOST_MESSAGES || text + (text / round.length) * most > MOST_TEXT) break;
    // If this pass fails, the messages received so far must still be stored. The next round fails too, if SQS is down.
    const pass = await passes.more(end).catch(() => null);
    if (pass === null || end.aborted) return { round: [...round, ...(pass ?? [])], isShallow: false };
    round.push(...pass);
    count = pass.length;
  }
  return { round, isShallow: count < FEW_MESSAGES };
}
