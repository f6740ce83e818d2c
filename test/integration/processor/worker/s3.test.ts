import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { poll } from '../../../../dev/poll.ts';
import { TAGS } from '../../../../src/domain/tags.ts';
import { parse } from '../../../../src/processor/worker/parse.ts';
import { createObjects } from '../../../../src/queue/objects.ts';
import type { QueueMessage } from '../../../../src/queue/queue.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { forwarded } from '../../../support/events.ts';
import { startFaultyQueue } from '../../../support/faulty-queue.ts';
import { countedEvents, drained, startProcessor } from '../../../support/processor.ts';
import type { TestQueue } from '../../../support/queue.ts';
import {
  createQueue,
  depth,
  endVisibilityTimeouts,
  SQS_OPTIONS,
  sendBodies,
  takeAll,
} from '../../../support/queue.ts';

const database = await createDatabase();
const { pool } = database;
const BUCKET = 'sentry-events';
let queue: TestQueue;
let s3: S3Client;

beforeAll(async () => {
  const { endpoint } = await createQueue();
  s3 = new S3Client({ region: 'us-east-1', endpoint, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
});
afterAll(() => s3.destroy());
beforeEach(async () => {
  await emptyTables(pool);
  queue = await createQueue();
});

async function put(Key: string, Body: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
}

const pointer = (key: string) =>
  JSON.stringify({ s3Url: `https://${BUCKET}.s3.us-east-1.amazonaws.com/${key}`, eventID: 'e'.repeat(32) });

/** As `receive` hands it out. */
const received = (body: string): QueueMessage => ({
  id: randomUUID(),
  body,
  receiptHandle: 'r',
  sentAt: new Date(),
  receiveCount: 1,
});

/** An S3 that answers for each key `whole` at once, and stops before or in the middle of any other. */
async function startStallingS3(whole: string): Promise<string> {
  const server = createServer((request, response) => {
    response.setHeader('etag', 'a');
    if (request.url?.includes('whole') === true) response.end(whole);
    else if (request.url?.includes('half') === true) {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"eventID":');
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const start = (env = {}) => startProcessor(queue, database, { AWS_ENDPOINT_URL_S3: queue.endpoint, ...env });

describe('a message that points to S3', () => {
  it('is counted like one that holds its event', async () => {
    const events = Array.from({ length: 30 }, (_, index) => forwarded({ groupID: `g${index % 3}` }));
    await Promise.all(events.map((event, index) => put(`7/2026-05-06/${index}`, JSON.stringify(event))));
    await sendBodies(queue.client, queue.queueUrl, [
      ...events.map((_, index) => pointer(`7/2026-05-06/${index}`)),
      JSON.stringify(forwarded()),
    ]);
    start();
    await drained(queue);
    expect(await countedEvents(pool)).toBe(31);
    expect(await takeAll(queue.client, queue.deadLetterQueueUrl)).toEqual([]);
  });

  it('goes to the dead-letter queue where nothing is stored there, or not an event', async () => {
    await put('broken', '{"eventID":');
    const bodies = {
      missing_s3_object: pointer('7/nowhere'),
      invalid_json: pointer('broken'),
      invalid_s3_url: JSON.stringify({ s3Url: 'https://169.254.169.254/', eventID: 'e' }),
    };
    await sendBodies(queue.client, queue.queueUrl, [...Object.values(bodies), JSON.stringify(forwarded())]);
    start();
    await drained(queue);
    expect(await countedEvents(pool)).toBe(1);
    const letters = await takeAll(queue.client, queue.deadLetterQueueUrl);
    expect(
      Object.fromEntries(
        letters.map(({ Body, MessageAttributes }) => [MessageAttributes?.reason?.StringValue, Body]),
      ),
    ).toEqual(bodies);
  });

  it('stays on the queue where S3 stalls, and those that are read by then are events', async () => {
    const endpoint = await startStallingS3(JSON.stringify(forwarded()));
    const objects = createObjects({ ...SQS_OPTIONS, endpoint });
    onTestFinished(() => objects.close());
    const stalled = ['mute-1', 'half-1', 'mute-2'].map((key) => received(pointer(key)));
    const whole = Array.from({ length: 9 }, (_, index) => received(pointer(`whole-${index}`)));
    const messages = [...stalled, ...whole, received(JSON.stringify(forwarded()))];
    const { parsed, fates } = await parse(messages, objects, TAGS, 10_000);
    expect(parsed).toHaveLength(10);
    expect(fates.map(({ message }) => message.id).sort()).toEqual(stalled.map(({ id }) => id).sort());
    for (const fate of fates) {
      expect(fate).toMatchObject({
        outcome: 'retry-later',
        visible: 'after-timeout',
        error: {
          code: 'object_unavailable',
          retryable: true,
          message: expect.stringMatching(/^reading s3:\/\/sentry-events failed \(TimeoutError: /),
        },
      });
    }
  });

  it('stays on the queue while S3 is unreachable, and its batch-mates are counted', async () => {
    await sendBodies(queue.client, queue.queueUrl, [pointer('7/a'), JSON.stringify(forwarded())]);
    const way = await startFaultyQueue(queue.endpoint);
    const processor = start({ SQS_ENDPOINT_URL: way.endpoint, AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' });
    await processor.printed(/reading s3:\/\/sentry-events failed/);
    await processor.printed(/stored 1 event/);
    processor.child.kill('SIGTERM');
    expect((await processor.finished).code).toBe(0);
    expect(await countedEvents(pool)).toBe(1);
    await put('7/a', JSON.stringify(forwarded()));
    // Once more where the poll that the signal ended is still handed it.
    const onTheQueue = async () => {
      await endVisibilityTimeouts(queue.client, queue.queueUrl, way.receipts.keys());
      return (await depth(queue.client, queue.queueUrl)).visible === 1 ? true : undefined;
    };
    await poll('the message to be on the queue', onTheQueue);
    start();
    await drained(queue);
    expect(await countedEvents(pool)).toBe(2);
    expect(await takeAll(queue.client, queue.deadLetterQueueUrl)).toEqual([]);
  });
});
