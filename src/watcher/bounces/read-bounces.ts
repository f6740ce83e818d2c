import { checkDatabase } from '../../db/readiness.ts';
import type { QueueMessage, ReadableQueue } from '../../queue/queue.ts';
import { hasCode } from '../../runtime/errors.ts';
import { delayedAbort } from '../../runtime/loop.ts';
import type { HandleDependencies } from './handle-event.ts';
import { handleEvent } from './handle-event.ts';

export interface BounceDependencies extends HandleDependencies {
  /**
   * Finds the queue of SES's events.
   * @throws CodedError `queue_refused` if it doesn't exist or may not be read
   */
  readonly openQueue: (signal: AbortSignal) => Promise<ReadableQueue>;
  /** The longest long poll: SQS's limit is 20 seconds, and the read timeout must be longer. */
  readonly maxWaitSeconds: number;
}

/** Reads SES's events from their queue. Methods throw CodedErrors. */
export interface BounceReader {
  /** Waits for events, and handles them. @returns milliseconds until the next poll */
  poll(signal: AbortSignal): Promise<number>;
  /** Handles the events that the queue has now: until it is empty, and for 20 seconds at most. */
  readAll(signal: AbortSignal): Promise<void>;
}

const PATIENCE_MILLISECONDS = 20_000;
/** A short poll asks only some of SQS's servers, so it may return nothing although there are messages. */
const SHORT_WAIT_SECONDS = 1;
/** A proxy can answer a long poll at once. Then polling would be a hot loop. */
const LEAST_WAIT_MILLISECONDS = 1_000;
/** A queue without a visibility timeout returns the messages at once that are left for later. */
const LEFT_WAIT_MILLISECONDS = 200;
/** After the signal a statement may still end. If it is cut off after its commit, nobody reports the bounce. */
const STATEMENT_MILLISECONDS = 500;

/**
 * Reads each message and deletes it only after its bounce is committed. A message that isn't deleted is received again
 * after the queue's visibility timeout, and marks nothing twice.
 */
export function createBounceReader(dependencies: BounceDependencies): BounceReader {
  const { pool, openQueue, logger, maxWaitSeconds } = dependencies;
  let queue: ReadableQueue | null = null;

  /** @returns the number of received messages, and of those left in the queue */
  const read = async (waitSeconds: number, signal: AbortSignal) => {
    // A received message that can't be stored would count as received, and a redrive policy could move it.
    await checkDatabase(pool);
    try {
      if (queue === null) {
        queue = await openQueue(signal);
        logger.info("reading SES's events from their queue");
      }
      const messages = await queue.receive(waitSeconds, signal);
      const left = messages.length === 0 ? 0 : await handleAll(dependencies, queue, messages, signal);
      return { received: messages.length, left };
    } catch (error) {
      // Somebody may have created the queue again, under another URL.
      if (hasCode(error, 'queue_refused')) queue = null;
      throw error;
    }
  };

  return {
    async poll(signal) {
      const started = performance.now();
      const { received, left } = await read(maxWaitSeconds, signal);
      if (received > 0) return left > 0 ? LEFT_WAIT_MILLISECONDS : 0;
      return Math.max(0, LEAST_WAIT_MILLISECONDS - (performance.now() - started));
    },

    async readAll(signal) {
      const deadline = performance.now() + PATIENCE_MILLISECONDS;
      while (!signal.aborted && performance.now() < deadline) {
        const { received } = await read(Math.min(SHORT_WAIT_SECONDS, maxWaitSeconds), signal);
        if (received === 0) return;
      }
    },
  };
}

/** @returns the number of messages left in the queue @throws the first error, after all messages were tried */
async function handleAll(
  dependencies: BounceDependencies,
  queue: ReadableQueue,
  messages: readonly QueueMessage[],
  signal: AbortSignal,
): Promise<number> {
  const done: QueueMessage[] = [];
  const errors: unknown[] = [];
  const stop = delayedAbort(signal, STATEMENT_MILLISECONDS);
  for (const message of messages) {
    try {
      if ((await handleEvent(message, dependencies, stop.signal)) === 'done') done.push(message);
    } catch (error) {
      errors.push(error);
      // Without a database each further message would fail too, and slowly. A fault of one message stops no other.
      if (hasCode(error, 'database_unavailable') || stop.signal.aborted) break;
    }
  }
  stop.cancel();
  await queue.delete(done);
  if (errors.length > 0) throw errors[0];
  return messages.length - done.length;
}
