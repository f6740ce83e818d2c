import type { Queue, QueueMessage } from '../queue/queue.ts';
import type { RejectedMessage } from './read.ts';

/**
 * Takes a committed batch off the queue: what was rejected goes to the dead-letter queue first, and stays on this one
 * where that fails. What can't be deleted comes back after its visibility timeout and is counted once all the same.
 * @param rejected called for each message that has reached the dead-letter queue
 * @throws CodedError of the queue, after everything else was done
 */
export async function acknowledge(
  queue: Queue,
  stored: readonly QueueMessage[],
  bad: readonly RejectedMessage[],
  rejected: (one: RejectedMessage) => void,
): Promise<void> {
  const moves = await Promise.allSettled(
    bad.map(async (one) => {
      await queue.deadLetter(one.message, one.rejection);
      rejected(one);
    }),
  );
  const moved = bad.filter((_, index) => moves[index]?.status === 'fulfilled').map(({ message }) => message);
  await queue.delete([...stored, ...moved]);
  const failure = moves.find((move) => move.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
