import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
} from '@aws-sdk/client-sqs';
import { afterAll } from 'vitest';
import { startSqs } from '../../dev/services.ts';
import type { QueueNames } from '../../src/queue/provision.ts';
import { findOrCreateQueues } from '../../src/queue/provision.ts';
import type { QueueUrls } from '../../src/queue/sqs.ts';
import { createSqsClient } from '../../src/queue/sqs.ts';

export interface TestQueue extends QueueUrls {
  readonly endpoint: string;
  readonly client: SQSClient;
  /** Variables that a command needs to find this queue. */
  readonly env: Readonly<Record<string, string>>;
}

export const SQS_OPTIONS = { region: 'us-east-1', connectTimeoutSeconds: 5, readTimeoutSeconds: 30 };

/** A real SQS-protocol server of the test file's own, with the queue and its dead-letter queue. */
export async function createQueue(names: Partial<QueueNames> = {}): Promise<TestQueue> {
  // The SDK looks for credentials; a local server looks at none.
  process.env.AWS_ACCESS_KEY_ID = 'test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
  const server = await startSqs();
  const client = createSqsClient({ ...SQS_OPTIONS, endpoint: server.endpoint });
  afterAll(async () => {
    client.destroy();
    await server.close();
  });
  const urls = await findOrCreateQueues(client, {
    queueName: 'sentry_errors',
    queueUrl: undefined,
    deadLetterQueueName: undefined,
    ...names,
  });
  const env = {
    AWS_DEFAULT_REGION: SQS_OPTIONS.region,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    SQS_ENDPOINT_URL: server.endpoint,
    ...(names.queueName === undefined ? {} : { SQS_QUEUE_NAME: names.queueName }),
  };
  return { ...urls, endpoint: server.endpoint, client, env };
}

export async function sendBodies(
  client: SQSClient,
  QueueUrl: string,
  bodies: readonly string[],
): Promise<void> {
  for (let start = 0; start < bodies.length; start += 10) {
    const Entries = bodies
      .slice(start, start + 10)
      .map((MessageBody, index) => ({ Id: String(index), MessageBody }));
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    if (Failed.length > 0) throw new Error(`the queue refused ${Failed.length} messages: ${Failed[0]?.Code}`);
  }
}

export interface Depth {
  readonly visible: number;
  readonly inFlight: number;
}

export async function depth(client: SQSClient, QueueUrl: string): Promise<Depth> {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
  );
  return {
    visible: Number(Attributes.ApproximateNumberOfMessages),
    inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
  };
}

/** Takes every visible message out of a queue. */
export async function takeAll(client: SQSClient, QueueUrl: string): Promise<Message[]> {
  const taken: Message[] = [];
  while (true) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 0,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return taken;
    for (const { ReceiptHandle } of Messages) {
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
    taken.push(...Messages);
  }
}
