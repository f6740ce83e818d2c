import type { Queue, QueueMessage } from '../../queue/queue.ts';
import type { RejectedMessage } from './parse.ts';

/** What an acknowledgement tells of itself. */
export interface AcknowledgeEvents {
  /** A message has reached the dead-letter queue. */
  rejected(one: RejectedMessage): void;
  /** Something failed and is tried again; nothing is lost by it. */
  failed(error: unknown, message: string): void;
}

/**
 * Takes a committed batch off the queue: what was rejected goes to the dead-letter queue first, and stays on this one
 * where that fails. What can't be deleted comes back after its visibility timeout and is counted once all the same.
 * Never rejects: nobody waits for it before the next round, so it tells what failed as soon as it knows.
 */
export async function acknowledge(
  queue: Queue,
  stored: readonly QueueMessage[],
  bad: readonly RejectedMessage[],
  events: AcknowledgeEvents,
): Promise<void> {
  const moves = await Promise.allSettled(
    bad.map(async (one) => {
      await queue.deadLetter(one.message, one.rejection);
      events.rejected(one);
    }),
  );
  const moved = bad.filter((_, index) => moves[index]?.status === 'fulfilled').map(({ message }) => message);
  const stuck = moves.filter((move) => move.status === 'rejected');
  if (stuck[0] !== undefined)
    events.failed(
      stuck[0].reason,
      `${stuck.length} of ${bad.length} bad messages could not be dead-lettered; they stay on the queue and come back`,
    );
  await queue.delete([...stored, ...moved]).catch((error: unknown) => {
    events.failed(error, 'the batch is counted, but not all of it is deleted; it comes back');
  });
}
