import type { Rejection } from '../domain/rejection.ts';

/** A message in hand: received, invisible to others until its visibility timeout, not yet deleted. */
export interface QueueMessage {
  readonly id: string;
  readonly body: string;
  readonly receiptHandle: string;
  /** When it entered the queue. */
  readonly sentAt: Date;
  /** How often it was received, this time included, as far as SQS knows. */
  readonly receiveCount: number;
  /** Of a FIFO queue; null in a standard one. */
  readonly messageGroupId: string | null;
}

/** Errors thrown are CodedErrors: `queue_unavailable` (retryable) or `queue_refused`. */
export interface Queue {
  /** At most ten messages; waits up to `waitSeconds` (0 to 20) for the first. An abort ends the wait soon. */
  receive(waitSeconds: number, signal: AbortSignal): Promise<QueueMessage[]>;
  /** Deletes all or throws; what couldn't be deleted comes back and is counted once all the same. */
  delete(messages: readonly QueueMessage[]): Promise<void>;
  /** Makes the messages visible to others at once. */
  release(messages: readonly QueueMessage[]): Promise<void>;
  /** Copies the message's body to the dead-letter queue, with the reason; the original stays for `delete`. */
  deadLetter(message: QueueMessage, rejection: Rejection): Promise<void>;
  close(): void;
}

/** The most that SQS hands out, or deletes, in one request. */
export const MAX_BATCH = 10;
