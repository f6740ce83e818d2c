import { randomBytes } from 'node:crypto';
import type { SQSClient } from '@aws-sdk/client-sqs';
import {
  ChangeMessageVisibilityCommand,
  MessageNotInflight,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import type { LocalService } from '../../dev/services.ts';
import { startSqs } from '../../dev/services.ts';
import type { QueueNames } from '../../src/queue/provision.ts';
import { findOrCreateQueues } from '../../src/queue/provision.ts';
import type { QueueUrls } from '../../src/queue/sqs.ts';
import { createSqsClient } from '../../src/queue/sqs.ts';
import { NO_PROXIES } from '../../src/runtime/proxy.ts';
import { afterFile } from './after-file.ts';

export type { Depth } from './messages.ts';
export { depth, sendBodies, takeAll } from './messages.ts';

export interface TestQueue extends QueueUrls {
  readonly endpoint: string;
  readonly client: SQSClient;
  /** Variables that a command needs to find this queue. */
  readonly env: Readonly<Record<string, string>>;
}

export const SQS_OPTIONS = {
  region: 'us-east-1',
  connectTimeoutSeconds: 5,
  readTimeoutSeconds: 30,
  proxies: NO_PROXIES,
};

let server: Promise<LocalService> | undefined;

/** A real SQS-protocol server of the test file's own. */
function ownServer(): Promise<LocalService> {
  // The SDK looks for credentials; a local server looks at none.
  process.env.AWS_ACCESS_KEY_ID = 'test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
  if (server === undefined) {
    const started = startSqs();
    server = started;
    afterFile(async () => {
      server = undefined;
      await (await started).close();
    });
  }
  return server;
}

/**
 * A queue of its own with its dead-letter queue. One for each test: a process that was killed during a long poll still
 * receives the next message. That message stays in flight until its visibility timeout.
 */
export async function createQueue(
  names: Partial<QueueNames> & { visibilitySeconds?: number } = {},
): Promise<TestQueue> {
  const { endpoint } = await ownServer();
  const client = createSqsClient({ ...SQS_OPTIONS, endpoint });
  afterFile(() => client.destroy());
  const queueName = names.queueName ?? `errors_${randomBytes(6).toString('hex')}`;
  const urls = await findOrCreateQueues(client, {
    queueUrl: undefined,
    deadLetterQueueName: undefined,
    ...names,
    queueName,
  });
  if (names.visibilitySeconds !== undefined) {
    const Attributes = { VisibilityTimeout: String(names.visibilitySeconds) };
    await client.send(new SetQueueAttributesCommand({ QueueUrl: urls.queueUrl, Attributes }));
  }
  const env = {
    AWS_DEFAULT_REGION: SQS_OPTIONS.region,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    SQS_ENDPOINT_URL: endpoint,
    SQS_QUEUE_NAME: queueName,
  };
  return { ...urls, endpoint, client, env };
}

/** Makes messages visible again that are in flight, as the end of their visibility timeout does. */
export async function endVisibilityTimeouts(
  client: SQSClient,
  QueueUrl: string,
  receiptHandles: Iterable<string>,
): Promise<void> {
  await setVisibilityTimeouts(client, QueueUrl, receiptHandles, 0);
}

/** Of messages that are in flight, in seconds from now. */
export async function setVisibilityTimeouts(
  client: SQSClient,
  QueueUrl: string,
  receiptHandles: Iterable<string>,
  VisibilityTimeout: number,
): Promise<void> {
  for (const ReceiptHandle of receiptHandles) {
    const change = new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout });
    await client.send(change).catch((error: unknown) => {
      // It was deleted or released.
      if (!(error instanceof MessageNotInflight)) throw error;
    });
  }
}
