import type { Rejection } from '../domain/rejection.ts';

/** A received message: not deleted yet, and invisible to others until its visibility timeout. */
export interface QueueMessage {
  readonly id: string;
  readonly body: string;
  readonly receiptHandle: string;
  /** When the message was sent to the queue. */
  readonly sentAt: Date;
  /** How often the message was received, this time included. SQS counts approximately. */
  readonly receiveCount: number;
}

/** Methods throw CodedErrors: `queue_unavailable` (retryable) or `queue_refused`. */
export interface ReadableQueue {
  /**
   * Receives at most ten messages, and waits up to `waitSeconds` (0 to 20) for the first one. The signal ends the wait
   * soon.
   */
  receive(waitSeconds: number, signal: AbortSignal): Promise<QueueMessage[]>;
  /** Deletes all messages, or throws. A message that isn't deleted is received again, and still counted only once. */
  delete(messages: readonly QueueMessage[]): Promise<void>;
}

/** A queue with a dead-letter queue. */
export interface Queue extends ReadableQueue {
  /** Makes the messages visible to others at once. */
  release(messages: readonly QueueMessage[]): Promise<void>;
  /** Copies the message's body to the dead-letter queue, with the reason. Deleting the original is left to `delete`. */
  deadLetter(message: QueueMessage, rejection: Rejection): Promise<void>;
  close(): void;
}

/** SQS's limit for messages received or deleted by one request. */
export const MAX_BATCH = 10;
