import { setTimeout as timer } from 'node:timers/promises';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { queueError } from './errors.ts';
import type { QueueNames } from './provision.ts';
import { findQueues } from './provision.ts';

/** How much lies in a queue; SQS counts approximately. */
export interface QueueDepth {
  /** Waiting to be received. */
  readonly waiting: number;
  /** Received by someone, and not yet deleted. */
  readonly inFlight: number;
  /** Put there with a delay that isn't over. */
  readonly delayed: number;
}

/** Needs the permission sqs:GetQueueAttributes. @throws CodedError */
export async function queueDepth(
  client: SQSClient,
  QueueUrl: string,
  signal?: AbortSignal,
): Promise<QueueDepth> {
  const command = new GetQueueAttributesCommand({
    QueueUrl,
    AttributeNames: [
      'ApproximateNumberOfMessages',
      'ApproximateNumberOfMessagesNotVisible',
      'ApproximateNumberOfMessagesDelayed',
    ],
  });
  try {
    const { Attributes = {} } = await client.send(
      command,
      signal === undefined ? {} : { abortSignal: signal },
    );
    return {
      waiting: Number(Attributes.ApproximateNumberOfMessages ?? 0),
      inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
      delayed: Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
    };
  } catch (error) {
    throw queueError('asking for the depth', QueueUrl, error);
  }
}

export interface QueuesStatus {
  /** What the queue is called, there or not. */
  readonly name: string;
  /** Null where there is none. */
  readonly queue: QueueDepth | null;
  readonly deadLetters: QueueDepth | null;
  /** Messages wait, and whenever we looked none was in anyone's hands. */
  readonly unread: boolean;
}

const LOOKS = 3;
const BETWEEN_LOOKS_MILLISECONDS = 500;

/**
 * Looks at both queues and creates none. SQS doesn't tell the age of its oldest message over this API (only CloudWatch's
 * ApproximateAgeOfOldestMessage does), so what can be said is whether anyone takes messages out.
 * @throws CodedError
 */
export async function queuesStatus(client: SQSClient, names: QueueNames): Promise<QueuesStatus> {
  const { queueName, queueUrl, deadLetterQueueUrl } = await findQueues(client, names);
  const depthOf = async (url: string | null) => (url === null ? null : queueDepth(client, url));
  const deadLetters = await depthOf(deadLetterQueueUrl);
  let queue = await depthOf(queueUrl);
  for (let look = 1; look < LOOKS && isUnread(queue); look += 1) {
    await timer(BETWEEN_LOOKS_MILLISECONDS);
    queue = await depthOf(queueUrl);
  }
  return { name: queueName, queue, deadLetters, unread: isUnread(queue) };
}

function isUnread(depth: QueueDepth | null): boolean {
  return depth !== null && depth.waiting > 0 && depth.inFlight === 0;
}
