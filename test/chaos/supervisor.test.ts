import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { poll } from '../../dev/poll.ts';
import { supervise } from '../../src/processor/supervisor/supervise.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { createDatabase, emptyTables } from '../support/database.ts';
import { expectExact, sendEvents } from '../support/load.ts';
import { drained, workerPids } from '../support/processor.ts';
import type { TestQueue } from '../support/queue.ts';
import { createQueue, SQS_OPTIONS } from '../support/queue.ts';

const database = await createDatabase();
const { pool } = database;
let queue: TestQueue;
beforeEach(async () => {
  await emptyTables(pool);
  queue = await createQueue({ visibilitySeconds: 10 });
});

/** Longer than a worker's start on a busy machine, so that a start doesn't count as a stall. */
const STALL_MILLISECONDS = 20_000;

const exact = (count: number) => expectExact(pool, queue, count);

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
      visibilitySeconds: 60,
      graceMilliseconds: 120_000,
      stallMilliseconds: STALL_MILLISECONDS,
      workerEnvironment: { ...process.env, ...queue.env, ...workerEnvironment },
      worker: {
        log: { format: 'compose', level: 'CRITICAL' },
        database: { connectionString: database.url },
        queue: {
          ...SQS_OPTIONS,
          endpoint: queue.endpoint,
          queueUrl: queue.queueUrl,
          deadLetterQueueUrl: queue.deadLetterQueueUrl,
        },
        objectsEndpoint: undefined,
        sleepDelaySeconds: 1,
        tags: [],
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
    logged: (text: string) => poll(text, async () => (output().includes(text) ? true : undefined)),
  };
}

describe('a worker that hangs', () => {
  it('is killed and replaced, and the messages it had received are counted', async () => {
    const { supervised, stop, logged } = superviseHere();
    await logged('a worker polls the queue worker=worker-1');
    const [pid] = workerPids(process.pid).filter((child) =>
      readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('processor/worker'),
    );
    if (pid === undefined) throw new Error('no worker runs');
    process.kill(pid, 'SIGSTOP');
    await sendEvents(queue, 400);
    await logged('worker-1 ended unexpectedly (it made no progress and was killed)');
    await logged('a worker polls the queue worker=worker-2');
    await drained(queue);
    stop();
    await supervised;
    await exact(400);
  });
});

describe('a supervisor that was paused', () => {
  it('kills no worker whose reports it didn’t read meanwhile', async () => {
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
    const reports = supervisor
      .output()
      .match(/a worker died and is replaced.*it could not be forked: spawn/g);
    expect(reports).toHaveLength(6);
  };

  it('are reported with the reason and tried again, if fork throws', async () => {
    await givesUp(superviseHere({ TOO_LONG: 'x'.repeat(200_000) }), 'E2BIG');
  });

  it('are reported with the reason and tried again, if fork emits an error', async () => {
    const { execPath } = process;
    process.execPath = '/nowhere/node';
    onTestFinished(() => {
      process.execPath = execPath;
    });
    await givesUp(superviseHere(), '/nowhere/node ENOENT');
  });
});
