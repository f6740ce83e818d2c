import type { Queue, QueueMessage } from '../../queue/queue.ts';
import { MAX_BATCH } from '../../queue/queue.ts';
import { pause } from '../../runtime/loop.ts';

export interface IntakeOptions {
  /** Seconds that a poll of an empty queue takes: long polling up to `maxWaitSeconds`, the rest slept. */
  readonly sleepDelaySeconds: number;
  /** Longest long poll: 20 is SQS's limit, and the read timeout must outlast it. */
  readonly maxWaitSeconds: number;
  /** After so many messages there are no more; a round more may come, as a receive brings several. */
  readonly messageCount: number;
}

/** Where a worker's messages come from, one round of receives after the other. */
export interface Intake {
  /** The next round, which may be empty; the one after it is received meanwhile. Null once there are no more. */
  next(): Promise<readonly QueueMessage[] | null>;
  /** Stops receiving until `next` is called again. @returns what was received and not handed out yet */
  cancel(): Promise<readonly QueueMessage[]>;
}

/** More receives at once brought nothing more on two cores, and a round's messages are in memory together. */
const MOST_RECEIVES = 8;
/** What a round may hold, in UTF-16 units: 80 usual events are 1 MB, but a body may be 1 MiB by itself. */
const MOST_TEXT = 4_000_000;
const SHORTEST_PAUSE_MILLISECONDS = 50;
/**
 * A replacement takes a third of a second to start, in which a worker on a deep queue takes about so many messages.
 * Called for only with the last round, it left a core idle for half of each life at 200 messages (measured).
 */
const MESSAGES_DURING_A_START = 300;

/**
 * One long poll at a time while the queue is shallow, so that a lone message is handed out at once; when it is deep,
 * twice as many receives in each round as in the one before.
 * @param retiring called once, when it is time for a replacement to start: a moment before the last messages on a deep
 *   queue, with them on a shallow one
 */
export function createIntake(
  queue: Queue,
  options: IntakeOptions,
  retiring: () => void,
  signal: AbortSignal,
): Intake {
  let width = 1;
  let left = options.messageCount;
  let announced = false;
  let round: { readonly messages: Promise<QueueMessage[]>; cancel(): void } | null = null;

  const announce = () => {
    if (!announced) retiring();
    announced = true;
  };

  const receive = async (stop: AbortSignal): Promise<QueueMessage[]> => {
    const wanted = Math.min(width, Math.ceil(left / MAX_BATCH));
    if (wanted === 1) {
      const messages = announced ? await queue.receive(0, stop) : await poll(queue, options, stop);
      // Its replacement is there for what comes later: two of them on a shallow queue would be one too many.
      if (announced && messages.length === 0) left = 0;
      width = messages.length === MAX_BATCH ? 2 : 1;
      return messages;
    }
    if (left <= MESSAGES_DURING_A_START) announce();
    const answers = await settled(Array.from({ length: wanted }, () => queue.receive(0, stop)));
    const text = answers.flat().reduce((sum, { body }) => sum + body.length, 0);
    const full = answers.filter((messages) => messages.length === MAX_BATCH).length;
    const affordable = Math.floor((MOST_TEXT * wanted) / Math.max(text, 1));
    width = Math.max(1, Math.min(full === wanted ? wanted * 2 : full, affordable, MOST_RECEIVES));
    return answers.flat();
  };

  const begin = () => {
    if (round !== null || left <= 0 || signal.aborted) return;
    const stop = new AbortController();
    const cancel = () => stop.abort();
    signal.addEventListener('abort', cancel, { once: true });
    const messages = receive(stop.signal)
      .then((received) => {
        left -= received.length;
        if (left <= 0) announce();
        return received;
      })
      .finally(() => signal.removeEventListener('abort', cancel));
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

async function poll(queue: Queue, options: IntakeOptions, stop: AbortSignal): Promise<QueueMessage[]> {
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

/** What the receives brought, unless all failed: messages in hand are not dropped because another receive failed. */
async function settled(receives: Promise<QueueMessage[]>[]): Promise<QueueMessage[][]> {
  const outcomes = await Promise.allSettled(receives);
  const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (answers.length === 0 && failure !== undefined) throw failure.reason;
  return answers;
}
