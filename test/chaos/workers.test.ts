import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { seededRandom } from '../../dev/browser-errors/random.ts';
import { poll } from '../../dev/poll.ts';
import { supervise } from '../../src/processor/supervisor/supervise.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { pause } from '../../src/runtime/loop.ts';
import { records } from '../support/command.ts';
import { createDatabase, emptyTables } from '../support/database.ts';
import { issuesOf, miscounted, sendEvents } from '../support/load.ts';
import { hold } from '../support/locks.ts';
import { alive, drained, startProcessor, workerPids } from '../support/processor.ts';
import type { TestQueue } from '../support/queue.ts';
import { createQueue, depth, SQS_OPTIONS, takeAll } from '../support/queue.ts';

const database = await createDatabase();
const { pool } = database;
let queue: TestQueue;
beforeEach(async () => {
  await emptyTables(pool);
  // Short enough that what a killed worker had in hand is delivered again while the others work.
  queue = await createQueue({ visibilitySeconds: 2 });
});

/** The database can store, but none of `sendEvents`: workers get ready, receive, and wait for these rows. */
const ALL_ISSUES = `
  INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
  SELECT 'g' || number, '', '', '', '[]', now(), now(), pg_current_xact_id() FROM generate_series(0, 100) AS number`;

const exact = async (count: number) => {
  expect(await miscounted(pool, count)).toEqual({ issues: issuesOf(count), wrong: [] });
  expect(await takeAll(queue.client, queue.deadLetterQueueUrl)).toEqual([]);
};

describe('workers killed at random', () => {
  it('lose no event and count none twice', { timeout: 240_000 }, async () => {
    const count = 20_000;
    await sendEvents(queue, count);
    const processor = startProcessor(queue, database, { LOG_LEVEL: 'INFO' });
    const done = new AbortController();
    const random = seededRandom(20_000);
    let kills = 0;
    const killer = (async () => {
      while (!done.signal.aborted) {
        await pause(200 + random() * 300, done.signal);
        const pids = workerPids(processor.pid);
        const victim = pids[Math.floor(random() * pids.length)];
        if (victim === undefined || done.signal.aborted) continue;
        process.kill(victim, 'SIGKILL');
        kills += 1;
      }
    })();
    await drained(queue, 200);
    done.abort();
    await killer;
    expect(kills).toBeGreaterThan(5);
    await exact(count);
  });
});

describe('the supervisor killed', () => {
  it('takes its workers with it, and the next one counts the rest', { timeout: 120_000 }, async () => {
    const count = 4_000;
    await sendEvents(queue, count);
    const first = startProcessor(queue, database);
    await first.printed(/stored \d+ events/);
    const pids = workerPids(first.pid);
    expect(pids.length).toBeGreaterThan(0);
    first.child.kill('SIGKILL');
    await poll('the workers to leave', async () => (pids.some(alive) ? undefined : true), { seconds: 20 });
    // They finished what they had in hand, and did not die of having nobody to tell.
    expect((await first.finished).stderr).toBe('');
    expect((await depth(queue.client, queue.queueUrl)).inFlight).toBe(0);
    startProcessor(queue, database);
    await drained(queue);
    await exact(count);
  });
});

describe('SIGTERM under load', () => {
  it('leaves nothing in flight, says nothing of an error, and exits 0', { timeout: 120_000 }, async () => {
    const count = 6_000;
    await sendEvents(queue, count);
    for (let stop = 0; stop < 4; stop += 1) {
      const processor = startProcessor(queue, database, { PROCESSOR_WORKER_MESSAGE_COUNT: '100' });
      await processor.printed(/stored \d+ events/);
      processor.child.kill('SIGTERM');
      const { code, stderr, stdout } = await processor.finished;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(records(stdout).filter(({ Severity }) => Number(Severity) <= 4)).toEqual([]);
      expect((await depth(queue.client, queue.queueUrl)).inFlight).toBe(0);
    }
    startProcessor(queue, database);
    await drained(queue);
    await exact(count);
  });
});

/** The supervisor in this process, with one worker. */
function superviseHere(workerEnvironment: NodeJS.ProcessEnv = {}) {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  const logger = createLogger({ format: 'compose', level: 'DEBUG', name: 'processor', destination });
  const stop = new AbortController();
  const supervised = supervise(
    {
      logger,
      reporter: {
        report: (error, message) => logger.error(message, { error }),
        warn: (message) => logger.warning(message),
        close: async () => {},
      },
      metrics: { increment() {}, gauge() {}, distribution() {}, close: async () => {} },
    },
    {
      processCount: 1,
      graceMilliseconds: 10_000,
      // A worker's first word comes within it as well, however busy the machine is.
      stallMilliseconds: STALL_MILLISECONDS,
      workerEnvironment: { ...process.env, ...queue.env, ...workerEnvironment },
      worker: {
        log: { format: 'compose', level: 'CRITICAL' },
        databaseUrl: database.url,
        queue: {
          ...SQS_OPTIONS,
          endpoint: queue.endpoint,
          queueUrl: queue.queueUrl,
          deadLetterQueueUrl: queue.deadLetterQueueUrl,
        },
        objectsEndpoint: undefined,
        sleepDelaySeconds: 1,
        messageCount: 1_000_000,
      },
    },
    stop.signal,
  );
  const output = () => lines.join('');
  return {
    output,
    supervised,
    stop: () => stop.abort(),
    logged: (text: string) =>
      poll(text, async () => (output().includes(text) ? true : undefined), { seconds: 40 }),
  };
}

const STALL_MILLISECONDS = 10_000;

describe('a worker that hangs', () => {
  it('is killed and replaced, and what it had in hand is counted', { timeout: 120_000 }, async () => {
    const { supervised, stop, logged } = superviseHere();
    await logged('a worker polls the queue worker=worker-1');
    const [pid] = workerPids(process.pid).filter((child) =>
      readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('processor/worker'),
    );
    process.kill(pid ?? 0, 'SIGSTOP');
    await sendEvents(queue, 400);
    await logged('worker-1 ended unexpectedly (it made no progress and was killed)');
    await logged('a worker polls the queue worker=worker-2');
    await drained(queue);
    stop();
    await supervised;
    await exact(400);
  });
});

describe('a supervisor that stood still', () => {
  it('kills no worker for what it didn’t hear meanwhile', { timeout: 120_000 }, async () => {
    const { output, supervised, stop, logged } = superviseHere();
    await logged('a worker polls the queue worker=worker-1');
    // As SIGSTOP and SIGCONT do it: nothing runs, and then the timers that are due come first.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STALL_MILLISECONDS + 1_000);
    await sendEvents(queue, 400);
    await drained(queue);
    stop();
    await supervised;
    expect(output()).not.toContain('ended unexpectedly');
    await exact(400);
  });
});

describe('workers that can’t be forked', () => {
  const givesUp = async (supervisor: ReturnType<typeof superviseHere>, reason: string) => {
    await expect(supervisor.supervised).rejects.toMatchObject({
      code: 'worker_failed',
      message: expect.stringContaining(`it could not be forked: spawn ${reason}`),
    });
    const told = supervisor.output().match(/a worker died and is replaced.*it could not be forked: spawn/g);
    expect(told).toHaveLength(6);
  };

  it('are told of with the reason and tried again, where it is thrown', async () => {
    await givesUp(superviseHere({ TOO_LONG: 'x'.repeat(200_000) }), 'E2BIG');
  });

  it('are told of with the reason and tried again, where it is an event', async () => {
    const { execPath } = process;
    process.execPath = '/nowhere/node';
    onTestFinished(() => {
      process.execPath = execPath;
    });
    await givesUp(superviseHere(), '/nowhere/node ENOENT');
  });
});

describe('stores that are slow', () => {
  it('let no more than twice the workers pile up, and end with every event counted', {
    timeout: 120_000,
  }, async () => {
    const count = 3_000;
    await sendEvents(queue, count);
    const held = await hold(pool, ALL_ISSUES);
    const processor = startProcessor(queue, database, { PROCESSOR_WORKER_MESSAGE_COUNT: '50' });
    await processor.printed(/(a worker retires[\s\S]*){4}/);
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
    const env = { PROCESSOR_PROCESS_COUNT: '1', PROCESSOR_WORKER_MESSAGE_COUNT: '50' };
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
    const { code, stderr, stdout } = await startProcessor(queue, database, { NODE_OPTIONS }).finished;
    expect(code).toBe(1);
    expect(stderr).toMatch(/no such module[\s\S]*no worker ever started.*exit code 7/);
    const deaths = records(stdout).filter(({ Fields }) =>
      String(Fields.error).includes('ended unexpectedly'),
    );
    // Two workers, six starts each; one that is under way when it gives up may still be told of.
    expect(deaths.length).toBeGreaterThanOrEqual(11);
    expect(deaths.length).toBeLessThanOrEqual(12);
  });
});
