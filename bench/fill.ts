import type { SQSClient } from '@aws-sdk/client-sqs';
import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import type { BrowserErrorOptions } from '../dev/browser-errors/errors.ts';
import { browserErrors } from '../dev/browser-errors/errors.ts';

const SENDERS = 4;
const BATCH = 10;

export type Load = Pick<BrowserErrorOptions, 'count' | 'issues' | 'seed'>;

/** Realistic events of about 10 KB, from tens of thousands of users. */
export function events(load: Load) {
  return browserErrors({ ...load, now: new Date(), size: 'full', users: 50_000 });
}

/** Puts made-up browser errors on the queue. */
export async function fill(client: SQSClient, QueueUrl: string, load: Load): Promise<void> {
  const source = events(load);
  const sender = async () => {
    for (let bodies = nextBodies(source); bodies.length > 0; bodies = nextBodies(source)) {
      await sendBatch(client, QueueUrl, bodies);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

/** Sends at most ten messages, in one request. */
export async function sendBatch(
  client: SQSClient,
  QueueUrl: string,
  bodies: readonly string[],
): Promise<void> {
  const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
  const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  if (Failed.length > 0) throw new Error(`the queue refused ${Failed.length} messages`);
}

/** Ten bodies, or what is left. */
export function nextBodies(source: ReturnType<typeof events>): string[] {
  const bodies: string[] = [];
  while (bodies.length < BATCH) {
    const { value, done } = source.next();
    if (done === true) break;
    bodies.push(value.body);
  }
  return bodies;
}
