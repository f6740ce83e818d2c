import type { Rejection } from '../../domain/rejection.ts';
import type { QueueMessage } from '../../queue/queue.ts';

/** Its event is committed: the message is deleted. */
export interface Stored {
  readonly outcome: 'stored';
  readonly message: QueueMessage;
}

/** It can't become an event: it goes to the dead-letter queue, and is deleted then. */
export interface Rejected {
  readonly outcome: 'rejected';
  readonly message: QueueMessage;
  readonly rejection: Rejection;
}

/** Its event couldn't be fetched or stored yet: the message stays on the queue and is received again. */
export interface RetryLater {
  readonly outcome: 'retry-later';
  readonly message: QueueMessage;
  readonly error: unknown;
  /**
   * When SQS hands it out again. `at-once` where the fault is of all messages, such as a database that is away: then
   * nobody receives until that has passed. `after-timeout` where it is of this one: released, it would be received
   * again and again at once, and a locked row or an outage of S3 would soon burn its receive count.
   */
  readonly visible: 'at-once' | 'after-timeout';
}

/** What becomes of a message. Each message of a round has exactly one fate. */
export type Fate = Stored | Rejected | RetryLater;

export function isStored(fate: Fate): fate is Stored {
  return fate.outcome === 'stored';
}

export function isRejected(fate: Fate): fate is Rejected {
  return fate.outcome === 'rejected';
}

export function isRetryLater(fate: Fate): fate is RetryLater {
  return fate.outcome === 'retry-later';
}
