import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createObjects } from '../../../src/queue/objects.ts';
import type { Queue, QueueMessage } from '../../../src/queue/queue.ts';
import { createSqsClient, createSqsQueue } from '../../../src/queue/sqs.ts';
import { startFaultyQueue } from '../../support/faulty-queue.ts';
import { createQueue, SQS_OPTIONS, sendBodies } from '../../support/queue.ts';

const way = await startFaultyQueue((await createQueue()).endpoint);
way.fate = () => 'half_answer';
const never = new AbortController().signal;

const OPERATIONS: Readonly<
  Record<string, (stalling: Queue, messages: readonly QueueMessage[]) => Promise<unknown>>
> = {
  receiving: (stalling) => stalling.receive(0, never),
  deleting: (stalling, messages) => stalling.delete(messages),
  releasing: (stalling, messages) => stalling.release(messages),
};

describe('when an answer of SQS stalls in the middle', () => {
  it.each(Object.entries(OPERATIONS))('%s fails, and can be tried again', async (_, operation) => {
    const queue = await createQueue();
    await sendBodies(queue.client, queue.queueUrl, ['{}']);
    const messages = await createSqsQueue(queue.client, queue).receive(1, never);
    expect(messages).toHaveLength(1);
    const stalling = createSqsQueue(
      createSqsClient({ ...SQS_OPTIONS, readTimeoutSeconds: 0.5, endpoint: way.endpoint }),
      queue,
    );
    onTestFinished(() => stalling.close());
    await expect(operation(stalling, messages)).rejects.toMatchObject({
      code: 'queue_unavailable',
      retryable: true,
      message: expect.stringContaining('TimeoutError'),
    });
  });
});

/** Reads an object from an S3 that answers with this handler. */
async function fetchFrom(answer: (response: ServerResponse) => void) {
  const server = createServer((_, response) => answer(response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const objects = createObjects({ ...SQS_OPTIONS, readTimeoutSeconds: 3, endpoint });
  onTestFinished(() => {
    objects.close();
    server.close();
    server.closeAllConnections();
  });
  return await objects.fetch({ bucket: 'events', region: 'us-east-1', key: 'one' }, never);
}

describe('an object in S3', () => {
  it('that stalls in the middle can be tried again', async () => {
    const stalls = (response: ServerResponse) =>
      response.writeHead(200, { 'content-length': 9, etag: 'a' }).write('{');
    await expect(fetchFrom(stalls)).rejects.toMatchObject({
      code: 'object_unavailable',
      retryable: true,
      message: expect.stringContaining('TimeoutError'),
    });
  });

  it('is not believed where the answer has no ETag, as a page of a proxy', async () => {
    const page = (response: ServerResponse) => response.end('<html>Welcome</html>');
    await expect(fetchFrom(page)).rejects.toMatchObject({
      code: 'object_unavailable',
      message: expect.stringContaining('has no ETag'),
    });
  });

  it('that comes slowly is read to its end, however long that takes', async () => {
    const slow = (response: ServerResponse) => {
      response.writeHead(200, { 'content-length': 14, etag: 'a' });
      let left = 14;
      const trickle = setInterval(() => {
        response.write('x');
        left -= 1;
        if (left === 0) clearInterval(trickle);
      }, 250);
    };
    expect(await fetchFrom(slow)).toEqual({ body: 'x'.repeat(14) });
  });
});
