import { beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../dev/browser-errors/random.ts';
import { poll } from '../../dev/poll.ts';
import { pause } from '../../src/runtime/loop.ts';
import { records } from '../support/command.ts';
import { createDatabase, emptyTables } from '../support/database.ts';
import { startFaultyQueue } from '../support/faulty-queue.ts';
import { expectExact, sendEvents } from '../support/load.ts';
import { hold } from '../support/locks.ts';
import {
  alive,
  drained,
  startProcessor,
  startTwoWorkers,
  unfinished,
  workerPids,
} from '../support/processor.ts';
import type { TestQueue } from '../support/queue.ts';
import { createQueue } from '../support/queue.ts';

const database = await createDatabase();
const { pool } = database;
let queue: TestQueue;
beforeEach(async () => {
  await emptyTables(pool);
  // Short enough to wait for the messages of a killed worker, and longer than a store needs on a busy machine.
  queue = await createQueue({ visibilitySeconds: 10 });
});

/** The database can store, but none of `sendEvents`: workers get ready, receive, and wait for these rows. */
const ALL_ISSUES = `
  INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
  SELECT 'g' || number, '', '', '', '[]', now(), now(), pg_current_xact_id() FROM generate_series(0, 100) AS number`;

const exact = (count: number) => expectExact(pool, queue, count);

describe('workers killed at random', () => {
  it('lose no event and count none twice', async () => {
    const count = 3_200;
    await sendEvents(queue, count);
    const way = await startFaultyQueue(queue.endpoint);
    const env = { SQS_ENDPOINT_URL: way.endpoint, LOG_LEVEL: 'INFO' };
    const processor = startTwoWorkers(queue, database, env);
    const random = seededRandom(count);
    let receives = 0;
    let kills = 0;
    // By the work done and not by the clock: however slowly workers start, some of them get to work between two kills.
    way.fate = (action) => {
      if (action !== 'ReceiveMessage' || ++receives % 20 !== 0) return 'pass';
      const pids = workerPids(processor.pid);
      const victim = pids[Math.floor(random() * pids.length)];
      if (victim === undefined) return 'pass';
      process.kill(victim, 'SIGKILL');
      kills += 1;
      return 'pass';
    };
    await drained(queue);
    way.fate = () => 'pass';
    // 320 receives at least, of ten messages each.
    expect(kills).toBeGreaterThanOrEqual(15);
    await exact(count);
  });
});

describe('the supervisor killed', () => {
  it('takes its workers with it, and the next one counts the rest', async () => {
    const count = 2_400;
    await sendEvents(queue, count);
    const way = await startFaultyQueue(queue.endpoint);
    const first = startTwoWorkers(queue, database, { SQS_ENDPOINT_URL: way.endpoint });
    await first.printed(/stored \d+ events/);
    const pids = workerPids(first.pid);
    expect(pids.length).toBeGreaterThan(0);
    first.child.kill('SIGKILL');
    await poll('the workers to leave', async () => (pids.some(alive) ? undefined : true));
    // They finished their messages, and did not fail because their reports had no reader.
    expect((await first.finished).stderr).toBe('');
    expect(unfinished(way, first)).toEqual([]);
    startTwoWorkers(queue, database);
    await drained(queue);
    await exact(count);
  });
});

describe('SIGTERM under load', () => {
  it('leaves no message unfinished, logs no error, and exits 0', async () => {
    const count = 2_400;
    await sendEvents(queue, count);
    const way = await startFaultyQueue(queue.endpoint);
    const env = { SQS_ENDPOINT_URL: way.endpoint, PROCESSOR_WORKER_MESSAGE_COUNT: '100' };
    for (let stop = 0; stop < 4; stop += 1) {
      const processor = startTwoWorkers(queue, database, env);
      await processor.printed(/stored \d+ events/);
      processor.child.kill('SIGTERM');
      const { code, stderr, stdout } = await processor.finished;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(records(stdout).filter(({ Severity }) => Number(Severity) <= 4)).toEqual([]);
      expect(unfinished(way, processor)).toEqual([]);
    }
    startTwoWorkers(queue, database);
    await drained(queue);
    await exact(count);
  });
});

describe('stores that are slow', () => {
  it('let no more than twice the workers pile up, and end with every event counted', async () => {
    const count = 400;
    await sendEvents(queue, count);
    const held = await hold(pool, ALL_ISSUES);
    const processor = startTwoWorkers(queue, database, { PROCESSOR_WORKER_MESSAGE_COUNT: '50' });
    await processor.printed(/a worker retires/, 4);
    let most = 0;
    for (let look = 0; look < 60; look += 1) {
      most = Math.max(most, workerPids(processor.pid).length);
      await pause(50, new AbortController().signal);
    }
    expect(most).toBe(4);
    await held.release();
    await drained(queue);
    await exact(count);
  });
});

describe('a retiring worker that is killed', () => {
  it('is reported like any other', async () => {
    await sendEvents(queue, 400);
    const held = await hold(pool, ALL_ISSUES);
    const env = { PROCESSOR_WORKER_MESSAGE_COUNT: '50' };
    const processor = startProcessor(queue, database, env);
    await processor.printed(/a worker retires/);
    process.kill(workerPids(processor.pid)[0] ?? 0, 'SIGKILL');
    await processor.printed(/worker-1 ended unexpectedly \(SIGKILL\)/);
    await held.release();
    await drained(queue);
    await exact(400);
  });
});

describe('workers that die at start', () => {
  it('are forked less and less often, and then the processor gives up with exit 1 and the cause', async () => {
    const dies = 'if (process.send) { console.error("no such module"); process.exit(7); }';
    const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(dies)}`;
    const { code, stderr, stdout } = await startTwoWorkers(queue, database, { NODE_OPTIONS }).finished;
    expect(code).toBe(1);
    expect(stderr).toMatch(/no such module[\s\S]*no worker ever started.*exit code 7/);
    const deaths = records(stdout).filter(({ Fields }) =>
      String(Fields.error).includes('ended unexpectedly'),
    );
    // Two workers, six starts each; one that is under way when it gives up may still be reported.
    expect(deaths.length).toBeGreaterThanOrEqual(11);
    expect(deaths.length).toBeLessThanOrEqual(12);
  });
});
