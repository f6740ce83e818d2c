import type { Rejection } from '../../domain/rejection.ts';
import type { QueueMessage } from '../../queue/queue.ts';

/** The message's event is committed, so the message is deleted. */
export interface Stored {
  readonly outcome: 'stored';
  readonly message: QueueMessage;
}

/** The message can't be an event. It is sent to the dead-letter queue and then deleted. */
export interface Rejected {
  readonly outcome: 'rejected';
  readonly message: QueueMessage;
  readonly rejection: Rejection;
}

/** The message's event couldn't be fetched or stored yet. The message stays in the queue and is received again. */
export interface RetryLater {
  readonly outcome: 'retry-later';
  readonly message: QueueMessage;
  readonly error: unknown;
  /**
   * When SQS makes the message visible again.
   * - `at-once` if every message fails, for example because Postgres is unreachable. Then no worker receives until that
   *   is over.
   * - `after-timeout` if only this message fails. Released at once, a locked row or an outage of S3 would use up its
   *   receive count within seconds.
   */
  readonly visible: 'at-once' | 'after-timeout';
}

/** The outcome for one message. Each message of a round has exactly one fate. */
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
