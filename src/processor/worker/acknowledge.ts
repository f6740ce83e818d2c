import type { Queue } from '../../queue/queue.ts';
import type { Fate, Rejected } from './fate.ts';
import { isRejected, isStored } from './fate.ts';

/** What an acknowledgement reports. */
export interface AcknowledgeEvents {
  /** A message has reached the dead-letter queue. */
  rejected(fate: Rejected): void;
  /** Something failed and is tried again; nothing is lost by it. */
  failed(error: unknown, message: string): void;
}

/**
 * Removes a finished round from the queue. Rejected messages go to the dead-letter queue first, and stay on this one
 * where that fails. A message that can't be deleted comes back after its visibility timeout and is counted once even so.
 * Never throws: nobody awaits it before the next round, so it reports a failure as soon as it sees one.
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
      `${failures.length} of ${rejected.length} rejected messages could not be dead-lettered; they stay on the queue and are received again`,
    );
  const done = [...fates.filter(isStored), ...moved].map(({ message }) => message);
  await queue.delete(done).catch((error: unknown) => {
    events.failed(
      error,
      'the batch is counted, but not all of its messages are deleted; they are received again, which changes no count',
    );
  });
}
