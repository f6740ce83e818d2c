import type { SQSClient } from '@aws-sdk/client-sqs';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { queueError } from './errors.ts';

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
