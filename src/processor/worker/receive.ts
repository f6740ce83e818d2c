import type { Queue, QueueMessage } from '../../queue/queue.ts';
import { MAX_BATCH } from '../../queue/queue.ts';
import { pause } from '../../runtime/loop.ts';
import type { Lifetime } from './lifetime.ts';

export interface ReceiveOptions {
  /** Seconds that a poll of an empty queue takes: a long poll of up to `maxWaitSeconds`, the rest slept. */
  readonly sleepDelaySeconds: number;
  /** Longest long poll: 20 is SQS's limit, and the read timeout must outlast it. */
  readonly maxWaitSeconds: number;
}

/** Where a worker's messages come from, one round of receives after the other. */
export interface Receiver {
  /** The next round, which may be empty; the one after it is received meanwhile. Null once the lifetime is over. */
  next(): Promise<readonly QueueMessage[] | null>;
  /** Stops receiving until `next` is called again. @returns messages that were received and not handed out yet */
  cancel(): Promise<readonly QueueMessage[]>;
}

/** More receives at once brought nothing more on two cores, and a round's messages are in memory together. */
const MOST_RECEIVES = 8;
/** What a round may hold, in UTF-16 units: 80 usual events are 1 MB, but a body may be 1 MiB by itself. */
const MOST_TEXT = 4_000_000;
const SHORTEST_PAUSE_MILLISECONDS = 50;

/**
 * One long poll at a time while the queue is shallow, so that a lone message is handed out at once; when it is deep,
 * twice as many receives in each round as in the one before.
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
    // Its replacement polls from now on: two workers polling a shallow queue would be one too many.
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
    // It is awaited later; until then a failure must not count as unhandled.
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

/** Twice as many receives where all were full, as many as were full otherwise; fewer where bodies are large. */
function nextWidth(answers: readonly QueueMessage[][], receives: number): number {
  const text = answers.flat().reduce((sum, { body }) => sum + body.length, 0);
  const full = answers.filter((messages) => messages.length === MAX_BATCH).length;
  const affordable = Math.floor((MOST_TEXT * receives) / Math.max(text, 1));
  return Math.max(1, Math.min(full === receives ? receives * 2 : full, affordable, MOST_RECEIVES));
}

async function poll(queue: Queue, options: ReceiveOptions, stop: AbortSignal): Promise<QueueMessage[]> {
  const { sleepDelaySeconds, maxWaitSeconds } = options;
  // A long poll costs no more than a short one and ends with the first message, so none is shorter than a second.
  const wait = Math.min(Math.max(Math.floor(sleepDelaySeconds), 1), maxWaitSeconds);
  const messages = await queue.receive(wait, stop);
  if (messages.length === 0) {
    const rest = (sleepDelaySeconds - wait) * 1_000;
    await pause(wait > 0 ? rest : Math.max(rest, SHORTEST_PAUSE_MILLISECONDS), stop);
  }
  return messages;
}

/** The messages of all receives that succeeded, unless all failed: one failure must not drop messages in hand. */
async function receiveSeveral(queue: Queue, receives: number, stop: AbortSignal): Promise<QueueMessage[][]> {
  const outcomes = await Promise.allSettled(Array.from({ length: receives }, () => queue.receive(0, stop)));
  const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (answers.length === 0 && failure !== undefined) throw failure.reason;
  return answers;
}
