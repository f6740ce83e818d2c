import type { QueueAttributeName, SQSClient } from '@aws-sdk/client-sqs';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { queueError } from './errors.ts';

/** Options of a request that the signal ends. */
export function abortedBy(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

/** Reads attributes of a queue; those that it doesn't have are left out. Needs the permission sqs:GetQueueAttributes. */
export async function queueAttributes(
  client: SQSClient,
  QueueUrl: string,
  AttributeNames: QueueAttributeName[],
  signal?: AbortSignal,
): Promise<Readonly<Record<string, string | undefined>>> {
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames });
  const { Attributes = {} } = await client.send(command, abortedBy(signal));
  return Attributes;
}

/** SQS's default for queues that other programs create. */
const DEFAULT_VISIBILITY_SECONDS = 30;

/**
 * For how many seconds SQS hides a message that was received. Never throws.
 * @param onFailure called with the error and the result, which is SQS's default, if the queue doesn't answer
 */
export async function visibilitySeconds(
  client: SQSClient,
  queueUrl: string,
  signal: AbortSignal,
  onFailure: (error: Error, assumedSeconds: number) => void,
): Promise<number> {
  try {
    const { VisibilityTimeout } = await queueAttributes(client, queueUrl, ['VisibilityTimeout'], signal);
    return Number(VisibilityTimeout ?? DEFAULT_VISIBILITY_SECONDS);
  } catch (error) {
    onFailure(queueError('reading the visibility timeout', queueUrl, error), DEFAULT_VISIBILITY_SECONDS);
    return DEFAULT_VISIBILITY_SECONDS;
  }
}
