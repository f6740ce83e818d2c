import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { storeEvents } from '../../../src/db/events.ts';
import { records } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent, forwarded } from '../../support/events.ts';
import { startFaultyQueue } from '../../support/faulty-queue.ts';
import { hold } from '../../support/locks.ts';
import {
  alive,
  countedEvents,
  drained,
  startProcessor,
  startTwoWorkers,
  unfinished,
  workerPids,
} from '../../support/processor.ts';
import type { TestQueue } from '../../support/queue.ts';
import { createQueue, depth, endVisibilityTimeouts, sendBodies, takeAll } from '../../support/queue.ts';

const database = await createDatabase();
const { pool } = database;
let queue: TestQueue;
beforeEach(async () => {
  await emptyTables(pool);
  queue = await createQueue();
});

const send = (bodies: readonly unknown[]) =>
  sendBodies(
    queue.client,
    queue.queueUrl,
    bodies.map((body) => (typeof body === 'string' ? body : JSON.stringify(body))),
  );

const twenty = () => Array.from({ length: 20 }, (_, index) => forwarded({ groupID: `g${index}` }));

describe('the processor', () => {
  it('counts every event once and empties the queue', async () => {
    const bodies = Array.from({ length: 300 }, (_, index) => forwarded({ groupID: `g${index % 5}` }));
    await send([...bodies, ...bodies.slice(0, 50)]);
    const processor = startTwoWorkers(queue, database);
    await drained(queue);
    expect(await countedEvents(pool)).toBe(300);
    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
    expect(await takeAll(queue.client, queue.deadLetterQueueUrl)).toEqual([]);
  });

  it('sends a message that is not an event to the dead-letter queue, with its reason and its bytes, and counts the rest', async () => {
    const bad = {
      invalid_json: '{"eventID": nonsense \u00e9',
      missing_event_id: JSON.stringify(forwarded({ eventID: null, id: null })),
      missing_group_id: JSON.stringify(forwarded({ groupID: null })),
      missing_message: JSON.stringify(forwarded({ message: '', title: '', culprit: '', entries: [] })),
      invalid_date: JSON.stringify(forwarded({ dateReceived: 'soon' })),
    };
    await send([forwarded(), ...Object.values(bad), forwarded()]);
    const processor = startTwoWorkers(queue, database);
    await drained(queue);
    expect(await countedEvents(pool)).toBe(2);
    const letters = await takeAll(queue.client, queue.deadLetterQueueUrl);
    const byReason = letters.map(({ Body, MessageAttributes }) => [
      MessageAttributes?.reason?.StringValue,
      Body,
    ]);
    expect(Object.fromEntries(byReason)).toEqual(bad);
    for (const { MessageAttributes } of letters) {
      expect(MessageAttributes?.original_message_id?.StringValue).toMatch(/^[0-9a-f-]{36}$/);
    }
    await processor.printed(/went to the dead-letter queue/, 5);
    processor.child.kill('SIGTERM');
    const { stdout, stderr } = await processor.finished;
    const reported = records(stdout).filter(({ Fields }) => String(Fields.msg).includes('dead-letter'));
    expect(reported.map(({ Fields }) => Fields.reason).sort()).toEqual(Object.keys(bad).sort());
    expect(stdout + stderr).not.toContain('nonsense');
  });

  it('rejects only the one message that Postgres refuses', async () => {
    await pool.query(`ALTER TABLE issues ADD CONSTRAINT refuse CHECK (message <> 'refuse me')`);
    try {
      await send([
        ...Array.from({ length: 6 }, (_, index) => forwarded({ groupID: `g${index}` })),
        forwarded({ groupID: 'refused', message: 'refuse me', entries: [] }),
        ...Array.from({ length: 3 }, (_, index) => forwarded({ groupID: `h${index}` })),
      ]);
      const processor = startProcessor(queue, database);
      await drained(queue);
      expect(await countedEvents(pool)).toBe(9);
      const [letter, ...more] = await takeAll(queue.client, queue.deadLetterQueueUrl);
      expect(more).toEqual([]);
      expect(letter?.MessageAttributes?.reason?.StringValue).toBe('database_refused');
      await processor.printed(/database_refused/);
      expect(processor.output()).not.toContain('refuse me');
    } finally {
      await pool.query('ALTER TABLE issues DROP CONSTRAINT refuse');
    }
  });

  it('leaves the message whose issue is locked on the queue, and counts its batch-mate', async () => {
    const way = await startFaultyQueue(queue.endpoint);
    const held = await hold(
      pool,
      `INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
       VALUES ('held', '', '', '', '[]', now(), now(), pg_current_xact_id())`,
    );
    await send([forwarded({ groupID: 'held' }), forwarded({ groupID: 'free' })]);
    const env = { SQS_ENDPOINT_URL: way.endpoint };
    const processor = startProcessor(queue, database, env);
    await processor.printed(/stored 1 event[\s\S]*storing 1 event failed \(55P03/);
    expect(await countedEvents(pool)).toBe(1);
    await held.release();
    await endVisibilityTimeouts(queue.client, queue.queueUrl, way.receipts.keys());
    await drained(queue);
    expect(await countedEvents(pool)).toBe(2);
    expect(await takeAll(queue.client, queue.deadLetterQueueUrl)).toEqual([]);
  });

  it('receives nothing while it can’t store, and continues by itself when it can', async () => {
    await pool.query('ALTER TABLE issue_buckets RENAME TO away');
    await send(twenty());
    const way = await startFaultyQueue(queue.endpoint);
    const processor = startTwoWorkers(queue, database, { SQS_ENDPOINT_URL: way.endpoint });
    try {
      await processor.printed(/run `bec-alerts migrate` first/, 2);
      expect(way.deliveries.size).toBe(0);
    } finally {
      await pool.query('ALTER TABLE away RENAME TO issue_buckets');
    }
    await drained(queue);
    expect(await countedEvents(pool)).toBe(20);
  });

  it('receives nothing while the database is read-only, and continues by itself when it isn’t', async () => {
    const readOnly = async (value: 'on' | 'off') => {
      await pool.query(`ALTER DATABASE ${database.name} SET default_transaction_read_only = ${value}`);
      // As a failover ends them; a session keeps the setting that it began with.
      await pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE 'bec-alerts worker%'`,
      );
    };
    const way = await startFaultyQueue(queue.endpoint);
    const processor = startTwoWorkers(queue, database, { SQS_ENDPOINT_URL: way.endpoint });
    await processor.printed(/a worker polls/, 2);
    await readOnly('on');
    try {
      await send(twenty());
      await processor.printed(/to store failed \(25006/, 8);
      // Each worker may have had them when it learned of it.
      expect(Math.max(0, ...way.deliveries.values())).toBeLessThanOrEqual(2);
    } finally {
      await readOnly('off');
    }
    await endVisibilityTimeouts(queue.client, queue.queueUrl, way.receipts.keys());
    await drained(queue);
    expect(await countedEvents(pool)).toBe(20);
  });

  it('releases once a message that Postgres can’t store, and then leaves it to the visibility timeout, with any number of workers', async () => {
    const way = await startFaultyQueue(queue.endpoint);
    let receives = 0;
    way.fate = (action) => {
      if (action === 'ReceiveMessage') receives += 1;
      return 'pass';
    };
    // As a full disk does it: a statement that writes no row succeeds.
    await pool.query(`
      CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
      CREATE TRIGGER full_disk BEFORE INSERT ON issues FOR EACH ROW EXECUTE FUNCTION full_disk()`);
    try {
      await send(twenty().slice(0, 10));
      const env = { SQS_ENDPOINT_URL: way.endpoint, PROCESSOR_PROCESS_COUNT: '4' };
      const processor = startTwoWorkers(queue, database, env);
      await processor.printed(/a worker polls/, 4);
      await processor.printed(/storing 10 events failed \(53100/, 2);
      const empty = receives + 12;
      await poll('further receives', async () => (receives >= empty ? true : undefined));
      expect([...way.deliveries.values()]).toEqual(Array.from({ length: 10 }, () => 2));
    } finally {
      await pool.query('DROP FUNCTION full_disk CASCADE');
    }
    await endVisibilityTimeouts(queue.client, queue.queueUrl, way.receipts.keys());
    await drained(queue);
    expect(await countedEvents(pool)).toBe(10);
  });

  it.each([
    ['nothing', '', 'an empty body'],
    ['an empty object', '{}', '{}'],
    ['a page', '<html>Welcome to the hotel</html>', 'Welcome to the hotel'],
  ])('loses nothing while SQS’s endpoint answers sends and deletes with %s', async (_, page, shown) => {
    await send([forwarded({ groupID: 'g1' }), 'nonsense']);
    const way = await startFaultyQueue(queue.endpoint);
    way.page = page;
    way.fate = (action) => (['SendMessage', 'DeleteMessageBatch'].includes(action) ? 'page' : 'pass');
    const env = { SQS_ENDPOINT_URL: way.endpoint };
    const processor = startProcessor(queue, database, env);
    await processor.printed(/could not be sent to the dead-letter queue/);
    await processor.printed(/messages could not be deleted/);
    expect(processor.output()).toContain(shown);
    expect(await depth(queue.client, queue.deadLetterQueueUrl)).toEqual({ visible: 0, inFlight: 0 });
    way.fate = () => 'pass';
    await endVisibilityTimeouts(queue.client, queue.queueUrl, way.receipts.keys());
    await drained(queue);
    expect(await countedEvents(pool)).toBe(1);
    // A letter whose message was not deleted in time is sent once more.
    const letters = await depth(queue.client, queue.deadLetterQueueUrl);
    expect(letters.visible).toBeGreaterThanOrEqual(1);
  });

  it('dead-letters a message that is not an event while the row of another is locked', async () => {
    await storeEvents(pool, [errorEvent({ groupId: 'held' })]);
    await send([forwarded({ groupID: 'held' }), 'nonsense']);
    const way = await startFaultyQueue(queue.endpoint);
    const row = await hold(pool, `SELECT FROM issues WHERE group_id = 'held' FOR UPDATE`);
    const env = { SQS_ENDPOINT_URL: way.endpoint };
    const processor = startProcessor(queue, database, env);
    await processor.printed(/went to the dead-letter queue/);
    await row.release();
    await endVisibilityTimeouts(queue.client, queue.queueUrl, way.receipts.keys());
    await drained(queue);
    expect(await countedEvents(pool)).toBe(2);
  });

  it('replaces a worker after its message count', async () => {
    await send(Array.from({ length: 120 }, (_, index) => forwarded({ groupID: `g${index}` })));
    const env = { PROCESSOR_WORKER_MESSAGE_COUNT: '20' };
    const processor = startProcessor(queue, database, env);
    await drained(queue);
    expect(await countedEvents(pool)).toBe(120);
    processor.child.kill('SIGTERM');
    const { code, stdout } = await processor.finished;
    expect(code).toBe(0);
    const batches = records(stdout).filter(({ Fields }) => Fields.msg === 'stored a batch');
    const workers = new Set(batches.map(({ Type }) => Type));
    expect(workers.size).toBeGreaterThanOrEqual(3);
  });

  it('replaces a worker that dies, and reports it', async () => {
    queue = await createQueue({ visibilitySeconds: 1 });
    const processor = startProcessor(queue, database);
    await processor.printed(/a worker polls/);
    const [pid] = workerPids(processor.pid);
    process.kill(pid ?? 0, 'SIGKILL');
    await processor.printed(/a worker died and is replaced/);
    await send([forwarded()]);
    await drained(queue);
    expect(await countedEvents(pool)).toBe(1);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends its idle poll and exits 0 at %s', async (signal) => {
    const processor = startTwoWorkers(queue, database, { PROCESSOR_SLEEP_DELAY: '20' });
    await processor.printed(/a worker polls/, 2);
    processor.child.kill(signal);
    const { code, stderr, stdout } = await processor.finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(records(stdout).filter(({ Severity }) => Number(Severity) <= 4)).toEqual([]);
  });

  it('finishes the batch in progress at SIGTERM', async () => {
    await send(Array.from({ length: 400 }, (_, index) => forwarded({ groupID: `g${index}` })));
    const way = await startFaultyQueue(queue.endpoint);
    const processor = startTwoWorkers(queue, database, { SQS_ENDPOINT_URL: way.endpoint });
    await processor.printed(/stored \d+ events/);
    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
    expect(unfinished(way, processor)).toEqual([]);
    const { visible, inFlight } = await depth(queue.client, queue.queueUrl);
    expect((await countedEvents(pool)) + visible + inFlight).toBe(400);
  });

  it('shows no secret on its workers’ command lines', async () => {
    const processor = startTwoWorkers(queue, database, { SENTRY_DSN: undefined });
    await processor.printed(/a worker polls/);
    const lines = workerPids(processor.pid).map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toContain(new URL(database.url).password || database.name);
  });

  it('counts an event before it can be received again by another worker', async () => {
    await send([forwarded({ eventID: 'same', id: 'same' }), forwarded({ eventID: 'same', id: 'same' })]);
    startTwoWorkers(queue, database);
    await drained(queue);
    expect(await countedEvents(pool)).toBe(1);
  });
});

describe('a queue that can’t be used', () => {
  it('ends the processor with exit 1 and a message that names the queue', async () => {
    const env = { SQS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_CONNECT_TIMEOUT: '1' };
    const { code, stderr } = await startTwoWorkers(queue, database, env).finished;
    expect(code).toBe(1);
    expect(stderr).toMatch(/finding or creating the queue failed at errors_/);
  });
});

describe('the supervisor', () => {
  it('takes its workers with it when it is killed', async () => {
    const processor = startTwoWorkers(queue, database, { PROCESSOR_SLEEP_DELAY: '20' });
    await processor.printed(/a worker polls/, 2);
    const pids = workerPids(processor.pid);
    expect(pids).toHaveLength(2);
    processor.child.kill('SIGKILL');
    const gone = async () => (pids.every((pid) => !alive(pid)) ? true : undefined);
    await poll('the workers to leave', gone);
  });
});
