import type { QueueMessage } from '../../queue/queue.ts';
import { pause } from '../../runtime/loop.ts';
import { LONGEST_GROWTH_MILLISECONDS } from '../timeouts.ts';
import type { Lifetime } from './lifetime.ts';
import type { Passes } from './passes.ts';
import { MOST_TEXT, textOf } from './passes.ts';
import type { Rests } from './rests.ts';

/** Messages that a worker stores together. */
export interface Round {
  readonly messages: readonly QueueMessage[];
  /** Whether the queue had more messages. */
  readonly isDeep: boolean;
}

/** Receives a worker's messages, in rounds. */
export interface Receiver {
  /**
   * Returns the next round, which may be empty, and begins to receive the one after it. Null once the worker's lifetime
   * is over or the signal has fired.
   */
  next(): Promise<Round | null>;
  /**
   * Stops receiving until `next` is called again.
   * @returns messages that were received but not returned by `next` yet
   */
  cancel(): Promise<readonly QueueMessage[]>;
}

/** SQS may answer with fewer messages than it has. After an answer with fewer than these, there are few or none. */
const FEW_MESSAGES = 5;
/** Limit for the messages of a round after a rest. */
const MOST_MESSAGES = 400;
const NOTHING: Round = { messages: [], isDeep: false };

/**
 * A round is one pass. While storing is slow and the queue is shallow, the worker rests before a round. Then the round
 * takes all messages that came in the meantime, in several passes.
 */
export function createReceiver(
  passes: Passes,
  lifetime: Lifetime,
  rests: Rests,
  signal: AbortSignal,
): Receiver {
  // A FIFO queue gives no more messages of a group while some are in flight. So its rounds stay small.
  let isFifo = false;
  let coming: { readonly round: Promise<Round>; cancel(): void } | null = null;

  const receive = async (stop: AbortSignal): Promise<Round> => {
    const rest = passes.isDeep() || isFifo ? 0 : rests.next();
    if (rest > 0 && lifetime.retiring()) {
      // The replacement rests too, and then takes all messages.
      lifetime.end();
      return NOTHING;
    }
    await pause(rest, stop);
    if (stop.aborted) return NOTHING;
    const end = performance.now() + LONGEST_GROWTH_MILLISECONDS;
    const messages = await passes.next(stop);
    isFifo ||= messages.some(({ messageGroupId }) => messageGroupId !== null);
    const mayGrow = () =>
      rest > 0 && !isFifo && lifetime.left() > 0 && !stop.aborted && performance.now() < end;
    return { messages: await grow(passes, messages, mayGrow, stop), isDeep: passes.isDeep() };
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

  const take = async (): Promise<Round> => {
    const current = coming;
    coming = null;
    return (await current?.round) ?? NOTHING;
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
      return (await take()).messages;
    },
  };
}

/** Adds passes to a round until a pass brings little, or the round is large enough. */
async function grow(
  passes: Passes,
  first: readonly QueueMessage[],
  mayGrow: () => boolean,
  stop: AbortSignal,
): Promise<readonly QueueMessage[]> {
  const round = [...first];
  for (let last = first; last.length >= FEW_MESSAGES && mayGrow(); ) {
    // The next pass may bring twice as many.
    if (round.length + 2 * last.length > MOST_MESSAGES || textOf(round) + 2 * textOf(last) > MOST_TEXT) break;
    // If this pass fails, the messages received so far must still be stored. The next round fails too, if SQS is down.
    last = await passes.more(stop).catch(() => []);
    round.push(...last);
  }
  return round;
}
