import type { Queue } from '../../queue/queue.ts';
import type { Fate, Rejected } from './fate.ts';
import { isRejected, isStored } from './fate.ts';

/** Called by `acknowledge`. */
export interface AcknowledgeEvents {
  /** A message has reached the dead-letter queue. */
  rejected(fate: Rejected): void;
  /** A step failed. It is retried later, and no event is lost. */
  failed(error: unknown, message: string): void;
}

/**
 * Removes a finished round from the queue. Rejected messages are sent to the dead-letter queue first; if that fails,
 * they stay in this queue. A message that can't be deleted is received again after its visibility timeout, and still
 * counted only once. This function never throws. It is awaited only in the next round, so it reports failures itself,
 * at once.
 */
export async function acknowledge(
  queue: Queue,
  fates: readonly Fate[],
  events: AcknowledgeEvents,
): Promise<void> {
  const rejected = fates.filter(isRejected);
  const moves = await Promise.allSettled(
    rejected.map(async (fate) => {
      await queue.deadLetter(fate.message, fate.rejection);
      events.rejected(fate);
    }),
  );
  const moved = rejected.filter((_, index) => moves[index]?.status === 'fulfilled');
  const failures = moves.filter((move) => move.status === 'rejected');
  if (failures[0] !== undefined)
    events.failed(
      failures[0].reason,
      `${failures.length} of ${rejected.length} rejected messages could not be sent to the dead-letter queue; they stay in the queue and are received again`,
    );
  const done = [...fates.filter(isStored), ...moved].map(({ message }) => message);
  await queue.delete(done).catch((error: unknown) => {
    events.failed(
      error,
      'the batch is stored, but some of its messages could not be deleted; they are received again, which changes no count',
    );
  });
}
