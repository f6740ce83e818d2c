import { setTimeout as timer } from 'node:timers/promises';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { queueAttributes } from './attributes.ts';
import { queueError } from './errors.ts';
import type { QueueNames } from './provision.ts';
import { findQueues } from './provision.ts';

/** The number of messages in a queue. SQS counts approximately. */
export interface QueueDepth {
  /** Messages that wait to be received. */
  readonly waiting: number;
  /** Messages that a consumer has received and not deleted yet. */
  readonly inFlight: number;
  /** Messages sent with a delay that isn't over yet. */
  readonly delayed: number;
}

/** Needs the permission sqs:GetQueueAttributes. @throws CodedError */
export async function queueDepth(
  client: SQSClient,
  QueueUrl: string,
  signal?: AbortSignal,
): Promise<QueueDepth> {
  try {
    const attributes = await queueAttributes(
      client,
      QueueUrl,
      [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
      signal,
    );
    return {
      waiting: Number(attributes.ApproximateNumberOfMessages ?? 0),
      inFlight: Number(attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
      delayed: Number(attributes.ApproximateNumberOfMessagesDelayed ?? 0),
    };
  } catch (error) {
    throw queueError('counting the messages', QueueUrl, error);
  }
}

export interface QueuesStatus {
  /** The queue's name, whether the queue exists or not. */
  readonly name: string;
  /** Null if the queue doesn't exist. */
  readonly queue: QueueDepth | null;
  /** Null if the dead-letter queue doesn't exist. */
  readonly deadLetters: QueueDepth | null;
  /** Messages wait, and none of our counts found one in flight. */
  readonly unread: boolean;
}

const MOST_COUNTS = 3;
const BETWEEN_COUNTS_MILLISECONDS = 500;

/**
 * Counts the messages of both queues; creates no queue. The SQS API doesn't have the age of the oldest message (only
 * CloudWatch's ApproximateAgeOfOldestMessage does), so this checks whether anything receives messages.
 * @throws CodedError
 */
export async function queuesStatus(client: SQSClient, names: QueueNames): Promise<QueuesStatus> {
  const { queueName, queueUrl, deadLetterQueueUrl } = await findQueues(client, names);
  const depthOf = async (url: string | null) => (url === null ? null : queueDepth(client, url));
  const deadLetters = await depthOf(deadLetterQueueUrl);
  let queue = await depthOf(queueUrl);
  for (let counts = 1; counts < MOST_COUNTS && isUnread(queue); counts += 1) {
    await timer(BETWEEN_COUNTS_MILLISECONDS);
    queue = await depthOf(queueUrl);
  }
  return { name: queueName, queue, deadLetters, unread: isUnread(queue) };
}

function isUnread(depth: QueueDepth | null): boolean {
  return depth !== null && depth.waiting > 0 && depth.inFlight === 0;
}
