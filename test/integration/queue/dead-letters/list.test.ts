import { beforeEach, describe, expect, it } from 'vitest';
import { poll } from '../../../../dev/poll.ts';
import { startCommand } from '../../../support/command.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import {
  arnOf,
  deadLetters,
  depths,
  reject,
  setAttributes,
  startDeadLetters,
  touch,
} from '../../../support/dead-letters.ts';
import { forwarded } from '../../../support/events.ts';
import { startFaultyQueue } from '../../../support/faulty-queue.ts';
import { countedEvents, drained, startProcessor } from '../../../support/processor.ts';
import type { TestQueue } from '../../../support/queue.ts';
import { createQueue, endVisibilityTimeouts, sendBodies, takeAll } from '../../../support/queue.ts';

const database = await createDatabase();
const { pool } = database;
let queue: TestQueue;
beforeEach(async () => {
  await emptyTables(pool);
  queue = await createQueue();
});

const bodies = (count: number, name = 'body') =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`);

describe('listing the dead letters', () => {
  it('groups them by reason, and leaves them where they are', async () => {
    await reject(queue, bodies(12, 'SECRET'));
    const [id] = await reject(queue, ['x'], 'missing_message');
    const { code, stdout, stderr } = await deadLetters(queue);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^REASON +COUNT +OLDEST +NEWEST\ninvalid_json +12 /);
    expect(stdout).toMatch(/^invalid_json +12( +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC){2}$/m);
    expect(stdout).toMatch(
      new RegExp(
        `\nmissing_message +1 .*\n {4}the test says so\n {4}example: message ${id}\n\n13 dead letters in `,
      ),
    );
    expect(stdout).not.toContain('SECRET');
    expect(await depths(queue)).toEqual({ queue: [0, 0], deadLetters: [13, 0] });
  });

  it('says so where the queue is missing', async () => {
    const { code, stdout } = await deadLetters(queue);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `no dead letters in ${queue.env.SQS_QUEUE_NAME}_dead_letters\n`,
    });
  });

  it('is bounded, and says how many more there are', async () => {
    await reject(queue, bodies(25));
    const { stdout } = await deadLetters(queue, '--limit', '15');
    expect(stdout).toContain('15 dead letters in ');
    expect(stdout).toContain('about 10 more are not listed');
    expect(await depths(queue)).toMatchObject({ deadLetters: [25, 0] });
  });

  it('prints each as JSON, its body only on demand', async () => {
    const [original] = await reject(queue, ['péché']);
    await reject(queue, ['x'], 'missing_message');
    const listed = JSON.parse((await deadLetters(queue, '--json')).stdout);
    expect(listed).toMatchObject({ read: 2, more: 0, in_other_hands: 0, stopped: false });
    const letter = listed.letters.find((one: { reason: string }) => one.reason === 'invalid_json');
    expect(letter).toEqual({
      reason: 'invalid_json',
      detail: 'the test says so',
      original_message_id: original,
      message_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      sent_at: expect.stringMatching(/^\d{4}-.*Z$/),
      size: 7,
    });
    const { stdout } = await deadLetters(queue, '--json', '--bodies', '--reason', 'invalid_json');
    expect(JSON.parse(stdout).letters).toEqual([{ ...letter, body: 'péché' }]);
    expect(JSON.parse((await deadLetters(await createQueue(), '--json')).stdout).letters).toEqual([]);
    expect(await deadLetters(queue, '--bodies')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--bodies +needs --json/),
    });
  });

  it('makes them visible again at SIGINT', async () => {
    await reject(queue, bodies(200));
    const way = await startFaultyQueue(queue.endpoint);
    const env = { ...queue.env, SQS_ENDPOINT_URL: way.endpoint };
    const listing = startDeadLetters({ ...queue, env }, '--limit', '200');
    let receives = 0;
    way.fate = (action) => {
      // Once: a second signal would end it at once.
      if (action === 'ReceiveMessage' && ++receives === 3) listing.child.kill('SIGINT');
      return 'pass';
    };
    const { code, stdout } = await listing.finished;
    expect(code).toBe(0);
    expect(stdout).toContain('stopped before the end');
    expect(await depths(queue)).toMatchObject({ deadLetters: [200, 0] });
  });

  it('makes them visible again at SIGTERM where the queue no longer answers', async () => {
    await reject(queue, bodies(3));
    const way = await startFaultyQueue(queue.endpoint);
    let receives = 0;
    way.fate = (action) => {
      if (action === 'ReceiveMessage') receives += 1;
      return receives >= 2 && action === 'ReceiveMessage' ? 'silence' : 'pass';
    };
    const listing = startCommand(['dead_letters'], { ...queue.env, SQS_ENDPOINT_URL: way.endpoint });
    await poll('the second receive', async () => (receives === 2 ? true : undefined));
    listing.child.kill('SIGTERM');
    const { code, stdout } = await listing.finished;
    expect(code).toBe(0);
    expect(stdout).toContain('3 dead letters in ');
    expect(stdout).toContain('stopped before the end');
    expect(await depths(queue)).toMatchObject({ deadLetters: [3, 0] });
  });

  it('makes them visible again where nobody reads its output any more', async () => {
    await reject(queue, bodies(600));
    const listing = startDeadLetters(queue, '--json');
    await listing.printed(/"letters"/);
    listing.child.stdout?.destroy();
    expect(await listing.finished).toMatchObject({ signal: null, stderr: '' });
    expect(await depths(queue)).toMatchObject({ deadLetters: [600, 0] });
  });

  it('names the letters that the redrive policy moved', async () => {
    const { client, queueUrl } = queue;
    await sendBodies(client, queueUrl, [JSON.stringify(forwarded())]);
    const policy = { deadLetterTargetArn: await arnOf(queue, queue.deadLetterQueueUrl), maxReceiveCount: 1 };
    await setAttributes(queue, queueUrl, { RedrivePolicy: JSON.stringify(policy), VisibilityTimeout: '0' });
    const moved = async () => {
      await touch(queue, queueUrl);
      return (await depths(queue)).deadLetters[0] === 1 ? true : undefined;
    };
    await poll('the policy to move it', moved);
    expect((await deadLetters(queue)).stdout).toMatch(/\nreceived_too_often +1 /);
  });

  it('creates no queue: where it is missing it says so and exits 1', async () => {
    const { code, stderr } = await deadLetters(queue, '--queue-name', 'elsewhere');
    expect(code).toBe(1);
    expect(stderr).toContain('there is no dead-letter queue elsewhere_dead_letters');
    const redrive = await deadLetters(queue, '--redrive', '--queue-name', 'elsewhere');
    expect(redrive.code).toBe(1);
    expect((await deadLetters(queue, '--queue-name', 'elsewhere')).code).toBe(1);
  });
});

describe('a message of nearly the largest size', () => {
  const largest = `not JSON ${'é'.repeat(524_280)}`;
  const REFUSED = /raise the dead-letter queue's MaximumMessageSize.*1 of 1 rejected messages could not be/;

  it('becomes a dead letter without attributes, its bytes unchanged, and is listed with its reason', async () => {
    for (const body of [largest, JSON.stringify(forwarded())])
      await sendBodies(queue.client, queue.queueUrl, [body]);
    const processor = startProcessor(queue, database);
    await drained(queue);
    expect(await countedEvents(pool)).toBe(1);
    await processor.printed(/invalid_json.*dead-letter queue/);
    expect((await deadLetters(queue)).stdout).toMatch(/\ninvalid_json +1 /);
    const [letter] = await takeAll(queue.client, queue.deadLetterQueueUrl);
    expect(letter?.Body === largest).toBe(true);
    expect(letter?.MessageAttributes).toBeUndefined();
  });

  it('is reported at once where the dead-letter queue doesn’t accept the size, however quiet the queue is', async () => {
    await setAttributes(queue, queue.deadLetterQueueUrl, { MaximumMessageSize: '262144' });
    await setAttributes(queue, queue.queueUrl, { VisibilityTimeout: '600' });
    await sendBodies(queue.client, queue.queueUrl, [largest]);
    const processor = startProcessor(queue, database);
    await processor.printed(REFUSED);
    expect(await depths(queue)).toEqual({ queue: [0, 1], deadLetters: [0, 0] });
  });

  it('stays for the redrive policy where the dead-letter queue doesn’t accept the size', async () => {
    const { client, queueUrl } = queue;
    await setAttributes(queue, queue.deadLetterQueueUrl, { MaximumMessageSize: '262144' });
    const policy = { deadLetterTargetArn: await arnOf(queue, queue.deadLetterQueueUrl), maxReceiveCount: 2 };
    await setAttributes(queue, queueUrl, { RedrivePolicy: JSON.stringify(policy) });
    for (const body of [largest, JSON.stringify(forwarded())]) await sendBodies(client, queueUrl, [body]);
    const way = await startFaultyQueue(queue.endpoint);
    const env = { ...queue.env, SQS_ENDPOINT_URL: way.endpoint };
    const processor = startProcessor({ ...queue, env }, database);
    await processor.printed(REFUSED);
    const left = async () => {
      const [visible, inFlight] = (await depths(queue)).queue;
      return visible + inFlight === 1 ? true : undefined;
    };
    await poll('the event to be deleted', left);
    expect(await countedEvents(pool)).toBe(1);
    const moved = async () => {
      await endVisibilityTimeouts(client, queueUrl, way.receipts.keys());
      return (await depths(queue)).deadLetters[0] === 1 ? true : undefined;
    };
    await poll('the policy to move it', moved);
    const [letter, ...more] = await takeAll(client, queue.deadLetterQueueUrl);
    expect(letter?.Body === largest).toBe(true);
    expect(more).toEqual([]);
  });
});
