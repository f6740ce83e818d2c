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

/**
 * A pass is one long poll while the queue is shallow, so that a single message is received at once. While the queue is
 * deep, it is several receives at the same time, twice as many as in the pass before.
 */
export interface Passes {
  /** The next pass. It may return nothing. */
  next(stop: AbortSignal): Promise<readonly QueueMessage[]>;
  /** One more pass for the same round, even beyond the message count. It doesn't wait for messages. */
  more(stop: AbortSignal): Promise<readonly QueueMessage[]>;
}

/** Receives at the same time. More of them were not faster on two cores. */
const MOST_RECEIVES = 8;
export const MOST_PASS = MOST_RECEIVES * MAX_BATCH;
/** Limit for the bodies of a pass, in UTF-16 units. 80 usual events have 1 MB, but one body may have 1 MiB. */
export const MOST_PASS_TEXT = 4_000_000;
const SHORTEST_PAUSE_MILLISECONDS = 50;

export function createPasses(queue: Queue, options: ReceiveOptions, lifetime: Lifetime): Passes {
  let width = 1;

  const receives = () => Math.min(width, Math.ceil(lifetime.left() / MAX_BATCH));

  const received = (answers: readonly QueueMessage[][], asked: number): readonly QueueMessage[] => {
    const messages = answers.flat();
    const full = answers.filter(({ length }) => length === MAX_BATCH).length;
    width = nextWidth(textOf(messages), full, asked);
    // The replacement polls from now on. One worker that polls is enough for a shallow queue.
    if (lifetime.retiring() && messages.length === 0) lifetime.end();
    lifetime.received(messages.length);
    return messages;
  };

  const several = async (asked: number, stop: AbortSignal) => {
    return received(await receiveSeveral(queue, asked, stop), asked);
  };

  return {
    async next(stop) {
      if (receives() > 1) lifetime.deepRound();
      if (receives() > 1 || lifetime.retiring()) return await several(receives(), stop);
      return received([await poll(queue, options, stop)], 1);
    },
    more: (stop) => several(width, stop),
  };
}

/** If all receives were full, twice as many; otherwise as many as were full. Fewer if bodies are large. */
function nextWidth(text: number, full: number, asked: number): number {
  const affordable = Math.floor((MOST_PASS_TEXT * asked) / Math.max(text, 1));
  return Math.max(1, Math.min(full === asked ? asked * 2 : full, affordable, MOST_RECEIVES));
}

/** @returns UTF-16 units of all bodies */
export function textOf(messages: readonly QueueMessage[]): number {
  return messages.reduce((sum, { body }) => sum + body.length, 0);
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
