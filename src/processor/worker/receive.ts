import type { Queue, QueueMessage } from '../../queue/queue.ts';
import { MAX_BATCH } from '../../queue/queue.ts';
import { pause } from '../../runtime/loop.ts';
import type { Lifetime } from './lifetime.ts';

export interface ReceiveOptions {
  /** Length of a poll of an empty queue: a long poll of up to `maxWaitSeconds`, and then a pause. */
  readonly sleepDelaySeconds: number;
  /** The longest long poll. SQS's limit is 20 seconds, and the read timeout must be longer. */
  readonly maxWaitSeconds: number;
}

/** Receives a worker's messages, in rounds. */
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

/**
 * Receives of one round at most. More of them were not faster on two cores, and all messages of a round are in memory
 * together.
 */
const MOST_RECEIVES = 8;
/** Limit for the bodies of a round, in UTF-16 units. 80 usual events have 1 MB, but one body may have 1 MiB. */
const MOST_TEXT = 4_000_000;
const SHORTEST_PAUSE_MILLISECONDS = 50;

/**
 * While the queue is shallow, a round is one long poll, so that a single message is received at once. While the queue
 * is deep, each round has twice as many receives as the one before.
 */
export function createReceiver(
  queue: Queue,
  options: ReceiveOptions,
  lifetime: Lifetime,
  signal: AbortSignal,
): Receiver {
  let width = 1;
  let round: { readonly messages: Promise<QueueMessage[]>; cancel(): void } | null = null;

  const receive = async (stop: AbortSignal): Promise<QueueMessage[]> => {
    const receives = Math.min(width, Math.ceil(lifetime.left() / MAX_BATCH));
    if (receives > 1) lifetime.deepRound();
    const answers =
      receives > 1
        ? await receiveSeveral(queue, receives, stop)
        : [lifetime.retiring() ? await queue.receive(0, stop) : await poll(queue, options, stop)];
    width = nextWidth(answers, receives);
    const messages = answers.flat();
    // The replacement polls from now on. One worker that polls is enough for a shallow queue.
    if (lifetime.retiring() && messages.length === 0) lifetime.end();
    lifetime.received(messages.length);
    return messages;
  };

  const begin = () => {
    if (round !== null || lifetime.left() <= 0 || signal.aborted) return;
    const stop = new AbortController();
    const cancel = () => stop.abort();
    signal.addEventListener('abort', cancel, { once: true });
    const messages = receive(stop.signal).finally(() => signal.removeEventListener('abort', cancel));
    // The promise is awaited later. Until then its failure must not count as an unhandled rejection.
    messages.catch(() => {});
    round = { messages, cancel };
  };

  const take = async (): Promise<QueueMessage[]> => {
    const current = round;
    round = null;
    return (await current?.messages) ?? [];
  };

  return {
    async next() {
      begin();
      if (round === null) return null;
      const messages = await take();
      begin();
      return messages;
    },
    async cancel() {
      round?.cancel();
      return await take();
    },
  };
}

/** If all receives were full, twice as many; otherwise as many as were full. Fewer if bodies are large. */
function nextWidth(answers: readonly QueueMessage[][], receives: number): number {
  const text = answers.flat().reduce((sum, { body }) => sum + body.length, 0);
  const full = answers.filter((messages) => messages.length === MAX_BATCH).length;
  const affordable = Math.floor((MOST_TEXT * receives) / Math.max(text, 1));
  return Math.max(1, Math.min(full === receives ? receives * 2 : full, affordable, MOST_RECEIVES));
}

async function poll(queue: Queue, options: ReceiveOptions, stop: AbortSignal): Promise<QueueMessage[]> {
  const { sleepDelaySeconds, maxWaitSeconds } = options;
  // A long poll costs no more than a short one, and ends with the first message. So a poll waits for at least a second.
  const wait = Math.min(Math.max(Math.floor(sleepDelaySeconds), 1), maxWaitSeconds);
  const messages = await queue.receive(wait, stop);
  if (messages.length === 0) {
    const rest = (sleepDelaySeconds - wait) * 1_000;
    await pause(wait > 0 ? rest : Math.max(rest, SHORTEST_PAUSE_MILLISECONDS), stop);
  }
  return messages;
}

/**
 * Returns the messages of the receives that succeeded; throws only if all failed. One failure must not drop messages.
 */
async function receiveSeveral(queue: Queue, receives: number, stop: AbortSignal): Promise<QueueMessage[][]> {
  const outcomes = await Promise.allSettled(Array.from({ length: receives }, () => queue.receive(0, stop)));
  const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (answers.length === 0 && failure !== undefined) throw failure.reason;
  return answers;
}
