import { randomBytes, randomUUID } from 'node:crypto';
import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { beforeEach, describe, expect, it } from 'vitest';
import { createSqsQueue } from '../../../src/queue/sqs.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { deadLetters, depths, reject } from '../../support/dead-letters.ts';
import { forwarded } from '../../support/events.ts';
import { countedEvents, drained, startTwoWorkers } from '../../support/processor.ts';
import type { TestQueue } from '../../support/queue.ts';
import { createQueue, takeAll } from '../../support/queue.ts';

const database = await createDatabase();
const { pool } = database;
let queue: TestQueue;
beforeEach(async () => {
  await emptyTables(pool);
  queue = await createQueue({ queueName: `errors_${randomBytes(6).toString('hex')}.fifo` });
});

/** As Sentry sends to a FIFO queue: a random deduplication id each. */
async function send(bodies: readonly string[], group: (index: number) => string): Promise<void> {
  for (let start = 0; start < bodies.length; start += 10) {
    const Entries = bodies.slice(start, start + 10).map((MessageBody, index) => ({
      Id: String(index),
      MessageBody,
      MessageGroupId: group(start + index),
      MessageDeduplicationId: randomUUID(),
    }));
    const { Failed = [] } = await queue.client.send(
      new SendMessageBatchCommand({ QueueUrl: queue.queueUrl, Entries }),
    );
    expect(Failed).toEqual([]);
  }
}

const events = (count: number) =>
  Array.from({ length: count }, (_, index) => JSON.stringify(forwarded({ groupID: `g${index % 7}` })));

describe('a FIFO queue', () => {
  it('has a FIFO dead-letter queue, its name before the suffix', () => {
    expect(queue.deadLetterQueueUrl).toMatch(/_dead_letters\.fifo$/);
  });

  it.each([
    ['one group, as Sentry is set up', 1],
    ['forty groups, received in parallel', 40],
  ])('is counted exactly, with its messages in %s', async (_name, groups) => {
    await send(events(300), (index) => `group-${index % groups}`);
    const processor = startTwoWorkers(queue, database);
    await drained(queue);
    expect(await countedEvents(pool)).toBe(300);
    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
    expect(await depths(queue)).toEqual({ queue: [0, 0], deadLetters: [0, 0] });
  });

  it('has messages that are not events dead-lettered once, all of a group listed and sent back', async () => {
    const bad = Array.from({ length: 25 }, (_, index) => `no JSON ${index}`);
    await send([...bad, ...events(10)], () => 'one-group');
    startTwoWorkers(queue, database);
    await drained(queue);
    expect(await countedEvents(pool)).toBe(10);
    const listed = JSON.parse((await deadLetters(queue, '--json', '--bodies')).stdout);
    expect(listed.letters.map(({ body }: { body: string }) => body).sort()).toEqual([...bad].sort());
    expect(listed.letters.every(({ reason }: { reason: string }) => reason === 'invalid_json')).toBe(true);

    expect((await deadLetters(queue, '--redrive')).stdout).toContain('moved 25 dead letters');
    await drained(queue);
    const letters = await takeAll(queue.client, queue.deadLetterQueueUrl);
    expect(letters.map(({ Body }) => Body).sort()).toEqual([...bad].sort());
    for (const { Attributes, MessageAttributes } of letters) {
      const original = MessageAttributes?.original_message_id?.StringValue;
      expect(original).toMatch(/^[0-9a-f-]{36}$/);
      expect(Attributes?.MessageDeduplicationId).toBe(original);
    }
  });

  it('holds one letter of a message that is rejected twice', async () => {
    const message = {
      id: randomUUID(),
      body: 'x',
      receiptHandle: '',
      sentAt: new Date(),
      receiveCount: 1,
      messageGroupId: 'one-group',
    };
    const sqs = createSqsQueue(queue.client, queue);
    for (const detail of ['first', 'second']) {
      await sqs.deadLetter(message, { reason: 'invalid_json', detail });
    }
    expect(await depths(queue)).toMatchObject({ deadLetters: [1, 0] });
  });

  it('takes a letter back once, even where a crash left it among the dead letters', async () => {
    await reject(queue, ['x']);
    const [letter] = (await deadLetters(queue, '--json').then(({ stdout }) => JSON.parse(stdout))).letters;
    const Entries = [
      {
        Id: '0',
        MessageBody: 'x',
        MessageGroupId: letter.original_message_id,
        MessageDeduplicationId: letter.message_id,
      },
    ];
    await queue.client.send(new SendMessageBatchCommand({ QueueUrl: queue.queueUrl, Entries }));
    expect((await deadLetters(queue, '--redrive')).stdout).toContain('moved 1 dead letter from');
    expect(await depths(queue)).toEqual({ queue: [1, 0], deadLetters: [0, 0] });
  });
});
