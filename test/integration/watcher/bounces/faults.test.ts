import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../../../../src/db/events.ts';
import { bounce, delivery, logged, wrapped } from '../../../support/bounces.ts';
import type { Environment, RunningCommand } from '../../../support/command.ts';
import { records } from '../../../support/command.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { startAgent } from '../../../support/dogstatsd.ts';
import { errorEvent } from '../../../support/events.ts';
import type { FaultyQueue } from '../../../support/faulty-queue.ts';
import { startFaultyQueue } from '../../../support/faulty-queue.ts';
import { hold, watcherWaits } from '../../../support/locks.ts';
import { drained } from '../../../support/processor.ts';
import type { TestQueue } from '../../../support/queue.ts';
import { createQueue, depth, sendBodies } from '../../../support/queue.ts';
import type { SesStandIn } from '../../../support/ses.ts';
import { startSesStandIn } from '../../../support/ses.ts';
import { everyEventFile, outbox, runWatcher, settled, startWatcher } from '../../../support/watcher.ts';

const BOUNCED = 'an email bounced after SES accepted it; its recipient was probably not notified';
const FAILED = "reading SES's events failed; they stay in their queue and are read later";
const NOT_AN_EVENT = "a message in the queue of SES's events is not an event of SES; it is deleted";

const NOT_EVENTS = [
  '{}',
  'marked\u009b31m \u202etext\r\nof two lines',
  // An S3 pointer, as Sentry sends for a large event.
  '{"s3Url":"https://a.s3.us-east-1.amazonaws.com/b"}',
  // An empty message of SNS.
  wrapped(' '),
  '{"eventType":"Bounce","bounce":{},"mail":{}}',
  // Postgres refuses the id.
  bounce('a\u0000b'),
  bounce('abc').slice(0, 300),
  '['.repeat(200_000),
  'x'.repeat(900_000),
];

const database = await createDatabase();
const { pool } = database;
let ses: SesStandIn;
let queue: TestQueue;
let way: FaultyQueue;
beforeEach(async () => {
  await emptyTables(pool);
  ses = await startSesStandIn();
  // Short, because a message that is left in the queue comes back only then.
  queue = await createQueue({ visibilitySeconds: 1 });
  way = await startFaultyQueue(queue.endpoint);
});

async function start(env: Environment = {}): Promise<RunningCommand> {
  const TRIGGERS = await everyEventFile();
  const events = { SQS_ENDPOINT_URL: way.endpoint, SES_EVENTS_QUEUE_NAME: queue.env.SQS_QUEUE_NAME };
  return startWatcher(database, ses.endpoint, [], { TRIGGERS, ...events, ...env });
}

/** Waits until an alert about the issue is sent. @returns SES's id of its email */
async function alerted(groupId: string): Promise<string> {
  await storeEvents(pool, [errorEvent({ groupId, message: groupId })]);
  const rows = await settled(pool, 1);
  return rows.findLast((row) => row.group_id === groupId)?.ses_message_id ?? '';
}

const send = (...bodies: readonly string[]) => sendBodies(queue.client, queue.queueUrl, bodies);
const log = (watcher: RunningCommand) => records(watcher.output());
const states = async () => (await outbox(pool)).map(({ status }) => status);

async function stop(watcher: RunningCommand): Promise<void> {
  watcher.child.kill('SIGTERM');
  expect(await watcher.finished).toMatchObject({ code: 0, stderr: '' });
}

describe('a watcher that reads SES’s events, if something fails', () => {
  it('reports each message that is not an event once, deletes it and goes on', async () => {
    const watcher = await start();
    const id = await alerted('a');
    // One by one: together they are larger than a batch may be.
    for (const body of NOT_EVENTS) await send(body);
    await send(bounce(id));
    await drained(queue);
    await stop(watcher);
    expect(await states()).toEqual(['bounced']);
    const reports = logged(log(watcher), NOT_AN_EVENT);
    expect(reports).toHaveLength(NOT_EVENTS.length);
    for (const { body, problem } of reports) {
      const shown = String(body);
      expect(shown.length).toBeLessThanOrEqual(200);
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(problem).toMatch(/\w/);
    }
    expect(log(watcher).filter(({ Severity }) => Number(Severity) < 4)).toEqual([]);
  });

  it('leaves an event of Sentry in the queue, without a word of it in the log', async () => {
    const watcher = await start();
    await send('{"eventID":"a","groupID":"1","title":"Error","user":{"email":"victim@example.com"}}');
    await watcher.printed(
      /is an event of Sentry and stays there: SES_EVENTS_QUEUE_NAME names the wrong queue/,
    );
    await stop(watcher);
    expect(watcher.output()).not.toContain('victim');
    const { visible, inFlight } = await depth(queue.client, queue.queueUrl);
    expect(visible + inFlight).toBe(1);
  });

  it('reports a missing queue once, with advice, goes on alerting, and reads the queue once it exists', async () => {
    const name = `later_${process.pid}`;
    const agent = await startAgent();
    const asked = () =>
      new Promise<void>((resolve) => {
        let times = 0;
        way.fate = (action, queueName) => {
          if (action === 'GetQueueUrl' && queueName === name) times += 1;
          if (times === 3) resolve();
          return 'pass';
        };
      });
    const again = asked();
    const watcher = await start({ ...agent.env, SES_EVENTS_QUEUE_NAME: name });
    const id = await alerted('a');
    await again;
    const { QueueUrl } = await queue.client.send(new CreateQueueCommand({ QueueName: name }));
    await sendBodies(queue.client, QueueUrl ?? '', [bounce(id)]);
    await watcher.printed(new RegExp(BOUNCED));
    await stop(watcher);
    const reports = logged(log(watcher), FAILED);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({
      error: `queue_refused: there is no queue ${name}: create it, or correct SES_EVENTS_QUEUE_NAME`,
    });
    const tags = agent.of('bec-alerts.watcher.errors').map((metric) => metric.tags.join());
    expect(tags).toContain('what:ses_events');
  });

  it('reports a missing permission once, and reads the queue once it is granted', async () => {
    let refusals = 0;
    way.fate = (action) => {
      if (action !== 'ReceiveMessage' || refusals >= 3) return 'pass';
      refusals += 1;
      return 'deny';
    };
    const watcher = await start();
    const id = await alerted('a');
    await send(bounce(id));
    await drained(queue);
    await stop(watcher);
    expect(await states()).toEqual(['bounced']);
    const reports = logged(log(watcher), FAILED);
    expect(reports).toHaveLength(1);
    expect(reports[0]?.error).toContain('AccessDenied');
  });

  it.each(['error', 'drop', 'page'] as const)('survives an outage of SQS: %s', async (fate) => {
    let down = true;
    way.page = '<html>captive portal</html>';
    way.fate = () => (down ? fate : 'pass');
    const watcher = await start();
    const id = await alerted('a');
    await send(bounce(id));
    await watcher.printed(/reading SES's events failed/);
    down = false;
    await drained(queue);
    await stop(watcher);
    expect(await states()).toEqual(['bounced']);
    expect(logged(log(watcher), BOUNCED)).toHaveLength(1);
  });

  it('with --once reports a missing queue, and does all else', async () => {
    await storeEvents(pool, [errorEvent()]);
    const env = {
      TRIGGERS: await everyEventFile(),
      SQS_ENDPOINT_URL: way.endpoint,
      SES_EVENTS_QUEUE_NAME: 'missing',
    };
    const { code, stdout, stderr } = await runWatcher(database, ses.endpoint, [], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(logged(records(stdout), FAILED)).toHaveLength(1);
    expect(await states()).toEqual(['sent']);
  });

  it('marks a bounce once whose message could not be deleted', async () => {
    let deletes = 0;
    way.failsToDelete = () => {
      deletes += 1;
      return deletes === 1;
    };
    const agent = await startAgent();
    const watcher = await start(agent.env);
    const id = await alerted('a');
    await send(bounce(id));
    await drained(queue);
    await stop(watcher);
    expect(await states()).toEqual(['bounced']);
    expect(logged(log(watcher), BOUNCED)).toHaveLength(1);
    expect(logged(log(watcher), FAILED)).toMatchObject([
      { error: expect.stringContaining('deleting messages failed') },
    ]);
    const counted = agent.of('bec-alerts.watcher.errors').filter(({ tags }) => tags.includes('what:bounce'));
    expect(counted).toHaveLength(1);
  });

  it.each(['drop_answer', 'half_answer'] as const)(
    'receives a bounce again whose delivery was cut off: %s',
    async (fate) => {
      const watcher = await start({ AWS_READ_TIMEOUT: '3' });
      const id = await alerted('a');
      let cut = false;
      way.fate = (action) => {
        if (action !== 'ReceiveMessage' || cut) return 'pass';
        cut = true;
        return fate;
      };
      await send(bounce(id));
      await drained(queue);
      await stop(watcher);
      expect(await states()).toEqual(['bounced']);
      expect(logged(log(watcher), BOUNCED)).toHaveLength(1);
    },
  );

  it('keeps a bounce that Postgres fails to store, and marks it later', async () => {
    const watcher = await start();
    const id = await alerted('a');
    await pool.query('ALTER TABLE alerts RENAME COLUMN bounced_at TO away');
    try {
      await send(bounce(id));
      await watcher.printed(/reading SES's events failed/);
    } finally {
      await pool.query('ALTER TABLE alerts RENAME COLUMN away TO bounced_at');
    }
    await drained(queue);
    await stop(watcher);
    expect(await states()).toEqual(['bounced']);
    expect(logged(log(watcher), BOUNCED)).toHaveLength(1);
  });

  it('ends at SIGTERM in the middle of a poll that gets no answer', async () => {
    const polled = new Promise<void>((resolve) => {
      way.fate = (action) => {
        if (action !== 'ReceiveMessage') return 'pass';
        resolve();
        return 'silence';
      };
    });
    // No timeout may end the poll before the signal does.
    const watcher = await start({ AWS_READ_TIMEOUT: '600' });
    await polled;
    await stop(watcher);
    expect(log(watcher).at(-1)?.Fields.msg).toBe('stopped');
    expect(log(watcher).filter(({ Severity }) => Number(Severity) < 6)).toEqual([]);
  });

  it('ends at SIGTERM in the middle of marking, and the next watcher marks the bounce', async () => {
    const first = await start();
    const id = await alerted('a');
    const lock = await hold(pool, 'SELECT FROM alerts FOR UPDATE');
    await send(bounce(id));
    await watcherWaits(pool, /UPDATE alerts SET status = 'bounced'/);
    await stop(first);
    expect(await states()).toEqual(['sent']);
    await lock.release();
    const second = await start();
    await drained(queue);
    await stop(second);
    expect(await states()).toEqual(['bounced']);
    expect(logged([...log(first), ...log(second)], BOUNCED)).toHaveLength(1);
  });

  it('finishes the bounce in progress when SIGTERM arrives before it is deleted', async () => {
    const watcher = await start();
    const id = await alerted('a');
    way.fate = (action) => {
      if (action === 'DeleteMessageBatch') watcher.child.kill('SIGTERM');
      return 'pass';
    };
    await send(bounce(id), delivery('other'));
    expect(await watcher.finished).toMatchObject({ code: 0, stderr: '' });
    expect(await states()).toEqual(['bounced']);
    expect(logged(log(watcher), BOUNCED)).toHaveLength(1);
  });

  it('receives nothing while Postgres is unreachable', async () => {
    await send(bounce('a'));
    const watcher = await start({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nowhere' });
    await watcher.printed(/reading SES's events failed/, 2);
    await stop(watcher);
    expect(way.deliveries.size).toBe(0);
    expect(await depth(queue.client, queue.queueUrl)).toEqual({ visible: 1, inFlight: 0 });
  });
});
