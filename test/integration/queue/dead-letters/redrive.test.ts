import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { poll } from '../../../../dev/poll.ts';
import type { Redriven, RedriveOptions } from '../../../../src/queue/dead-letters/redrive.ts';
import { redriveDeadLetters } from '../../../../src/queue/dead-letters/redrive.ts';
import { queueDepth } from '../../../../src/queue/depth.ts';
import { createSqsClient } from '../../../../src/queue/sqs.ts';
import { startCommand } from '../../../support/command.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import {
  deadLetters,
  depths,
  reject,
  setAttributes,
  startDeadLetters,
} from '../../../support/dead-letters.ts';
import { forwarded } from '../../../support/events.ts';
import { startFaultyQueue } from '../../../support/faulty-queue.ts';
import { countedEvents, drained, startProcessor } from '../../../support/processor.ts';
import type { TestQueue } from '../../../support/queue.ts';
import {
  createQueue,
  endVisibilityTimeouts,
  SQS_OPTIONS,
  sendBodies,
  setVisibilityTimeouts,
  takeAll,
} from '../../../support/queue.ts';

const database = await createDatabase();
const { pool } = database;
let queue: TestQueue;
beforeEach(async () => {
  await emptyTables(pool);
  queue = await createQueue();
});

/** A redrive of everything in this process. */
async function redriveHere(
  options: Partial<RedriveOptions>,
  signal: AbortSignal,
  client = queue.client,
): Promise<Redriven> {
  const depth = await queueDepth(queue.client, queue.deadLetterQueueUrl);
  const all = { limit: Number.POSITIVE_INFINITY, reason: undefined, progress: () => undefined };
  return await redriveDeadLetters(client, queue, { began: new Date(), depth, ...all, ...options }, signal);
}

const bodies = (count: number, name = 'body') =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`);

describe('sending the dead letters back', () => {
  it('counts them after the fix, while the processor runs, and a letter that is rejected again stays once', async () => {
    await pool.query(`ALTER TABLE issues ADD CONSTRAINT refuse CHECK (message <> 'refuse me')`);
    const refused = Array.from({ length: 40 }, (_, index) =>
      JSON.stringify(forwarded({ groupID: `g${index % 7}`, message: 'refuse me', entries: [] })),
    );
    const bad = bodies(30);
    await sendBodies(queue.client, queue.queueUrl, [...refused, ...bad]);
    startProcessor(queue, database);
    await drained(queue);
    expect(await depths(queue)).toMatchObject({ deadLetters: [70, 0] });

    await pool.query('ALTER TABLE issues DROP CONSTRAINT refuse');
    const { code, stdout, stderr } = await deadLetters(queue, '--redrive');
    expect(code).toBe(0);
    // A redrive that takes more than a second says how far it is.
    expect(stderr).toMatch(/^(moved \d+ of about 70\n)*$/);
    expect(stdout).toMatch(/^moved 70 dead letters from \w+_dead_letters\s+to\s+errors_/);
    await drained(queue);
    expect(await countedEvents(pool)).toBe(40);
    const letters = await takeAll(queue.client, queue.deadLetterQueueUrl);
    expect(letters.map(({ Body }) => Body).sort()).toEqual([...bad].sort());
  });

  it('ends where clocks differ, even if its letters are rejected again at once', async () => {
    await reject(queue, bodies(40));
    startProcessor(queue, database);
    // An hour ahead of SQS: by its time every letter was there before.
    const began = new Date(Date.now() + 3_600_000);
    const signal = AbortSignal.timeout(120_000);
    const { moved } = await redriveHere({ began }, signal);
    expect({ moved, early: signal.aborted }).toEqual({ moved: 40, early: false });
    await drained(queue);
    expect(await depths(queue)).toMatchObject({ deadLetters: [40, 0] });
  });

  it('leaves letters that arrived after it began', async () => {
    await reject(queue, bodies(3));
    const began = new Date(Date.now() - 3_600_000);
    const signal = new AbortController().signal;
    expect(await redriveHere({ began }, signal)).toMatchObject({
      moved: 0,
      later: 3,
    });
    expect(await depths(queue)).toEqual({ queue: [0, 0], deadLetters: [3, 0] });
  });

  it('ends where it only receives letters that it leaves', async () => {
    await reject(queue, bodies(5));
    // Visible again at once, as they are when there are more of them than can be looked at in the time they are held.
    const options = { reason: 'missing_message', heldSeconds: 0 };
    const signal = AbortSignal.timeout(120_000);
    const { moved, otherReason } = await redriveHere(options, signal);
    expect({ moved, otherReason, early: signal.aborted }).toEqual({ moved: 0, otherReason: 5, early: false });
    expect(await depths(queue)).toEqual({ queue: [0, 0], deadLetters: [5, 0] });
  });

  it('moves those of one reason, or the given number at most', async () => {
    await reject(queue, bodies(12));
    await reject(queue, ['keep'], 'missing_message');
    const { stdout } = await deadLetters(queue, '--redrive', '--reason', 'invalid_json', '--limit', '5');
    expect(stdout).toContain('moved 5 dead letters');
    expect(await depths(queue)).toEqual({ queue: [5, 0], deadLetters: [8, 0] });
    const rest = await deadLetters(queue, '--redrive', '--reason', 'invalid_json', '--json');
    expect(JSON.parse(rest.stdout)).toMatchObject({ moved: 7, otherReason: 1, later: 0, refused: [] });
    expect(await depths(queue)).toEqual({ queue: [12, 0], deadLetters: [1, 0] });
  });

  it.each(['--reason', '--limit'])('moves none where %s is empty', async (option) => {
    await reject(queue, ['body']);
    const redrive = startCommand(['dead_letters', '--redrive', option, ''], {
      ...queue.env,
      DEAD_LETTERS_REASON: 'missing_message',
    });
    expect(await redrive.finished).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `bec-alerts: wrong configuration\n  ${option}  is empty\n`,
    });
    expect(await depths(queue)).toEqual({ queue: [0, 0], deadLetters: [1, 0] });
  });

  it('says so where the queue is missing', async () => {
    expect(await deadLetters(queue, '--redrive')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^no dead letters in /),
    });
  });

  it('loses nothing by kill -9, and a second one counts everything once', async () => {
    const events = Array.from({ length: 600 }, (_, index) =>
      JSON.stringify(forwarded({ groupID: `g${index % 12}` })),
    );
    await reject(queue, events, 'database_refused');
    const way = await startFaultyQueue(queue.endpoint);
    let sent = 0;
    const started = new Promise<void>((resolve) => {
      way.fate = (action) => {
        if (action !== 'SendMessage') return 'pass';
        sent += 1;
        if (sent <= 105) return 'pass';
        resolve();
        return 'silence';
      };
    });
    const env = { ...queue.env, SQS_ENDPOINT_URL: way.endpoint };
    const killed = startDeadLetters({ ...queue, env }, '--redrive');
    await started;
    killed.child.kill('SIGKILL');
    await killed.finished;
    // It had received ten: five were sent and not deleted, five waited to be sent.
    const arrived = async () => ((await depths(queue)).queue[0] === 105 ? true : undefined);
    await poll('what it had sent', arrived);
    expect(await depths(queue)).toEqual({ queue: [105, 0], deadLetters: [490, 10] });
    // They are back after half a minute, in which a busy machine may not even start another one.
    await setVisibilityTimeouts(queue.client, queue.deadLetterQueueUrl, way.receipts.keys(), 3_600);
    // Until then another one moves the rest and says so.
    const second = await deadLetters(queue, '--redrive');
    expect(second).toMatchObject({ code: 0, stdout: expect.stringMatching(/more are in flight/) });
    expect(await depths(queue)).toEqual({ queue: [595, 0], deadLetters: [0, 10] });
    await endVisibilityTimeouts(queue.client, queue.deadLetterQueueUrl, way.receipts.keys());
    await deadLetters(queue, '--redrive');
    expect(await depths(queue)).toEqual({ queue: [605, 0], deadLetters: [0, 0] });
    startProcessor(queue, database);
    await drained(queue);
    expect(await countedEvents(pool)).toBe(600);
  });

  it('leaves no letter invisible where a delete fails, and says so', async () => {
    await reject(queue, bodies(5));
    const way = await startFaultyQueue(queue.endpoint);
    way.failsToDelete = () => true;
    const client = createSqsClient({ ...SQS_OPTIONS, endpoint: way.endpoint });
    onTestFinished(() => client.destroy());
    const { failure } = await redriveHere({}, new AbortController().signal, client);
    expect(failure).toMatchObject({ code: 'queue_unavailable' });
    // Sent before it is deleted: in both queues, but counted once.
    expect(await depths(queue)).toEqual({ queue: [5, 0], deadLetters: [5, 0] });
  });

  it.each([
    ['nothing', ''],
    ['an empty object', '{}'],
  ])('keeps each letter whose send is answered with %s', async (_, page) => {
    await reject(queue, bodies(3));
    const way = await startFaultyQueue(queue.endpoint);
    way.page = page;
    way.fate = (action) => (action === 'SendMessage' ? 'page' : 'pass');
    const client = createSqsClient({ ...SQS_OPTIONS, endpoint: way.endpoint });
    onTestFinished(() => client.destroy());
    const { moved, failure } = await redriveHere({}, new AbortController().signal, client);
    expect({ moved, failure }).toMatchObject({ moved: 0, failure: { code: 'queue_unavailable' } });
    expect(await depths(queue)).toEqual({ queue: [0, 0], deadLetters: [3, 0] });
  });

  it('stops cleanly at SIGTERM and says how many were moved', async () => {
    await reject(queue, bodies(200));
    const way = await startFaultyQueue(queue.endpoint);
    const env = { ...queue.env, SQS_ENDPOINT_URL: way.endpoint };
    const redrive = startDeadLetters({ ...queue, env }, '--redrive');
    let sent = 0;
    way.fate = (action) => {
      // Once: a second signal would end it at once.
      if (action === 'SendMessage' && ++sent === 50) redrive.child.kill('SIGTERM');
      return 'pass';
    };
    const { code, stdout } = await redrive.finished;
    expect(code).toBe(0);
    const moved = Number(/^stopped: moved (\d+) dead letters/.exec(stdout)?.[1]);
    expect(moved).toBeGreaterThanOrEqual(50);
    expect(moved).toBeLessThan(200);
    expect(await depths(queue)).toEqual({ queue: [moved, 0], deadLetters: [200 - moved, 0] });
  });

  it('exits 1 and says why where the queue refuses some, and moves the others', async () => {
    await reject(queue, ['small', 'x'.repeat(3_000), 'small too']);
    await setAttributes(queue, queue.queueUrl, { MaximumMessageSize: '1024' });
    const { code, stdout, stderr } = await deadLetters(queue, '--redrive');
    expect(code).toBe(1);
    expect(stdout).toContain('moved 2 dead letters');
    expect(stdout).toMatch(/left 1 that \S+\s+refused:\n {4}[0-9a-f-]{36}: [\s\S]*shorter than 1024\s+bytes/);
    // A slow machine leaves time for lines of progress before it.
    expect(stderr).toMatch(/^(moved \d of about 3\n)*bec-alerts: the queue \S+ refused 1 dead letter\n$/);
    expect(await depths(queue)).toEqual({ queue: [2, 0], deadLetters: [1, 0] });
  });
});
