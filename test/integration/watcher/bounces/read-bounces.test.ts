import { beforeEach, describe, expect, it } from 'vitest';
import { insertAlerts } from '../../../../src/db/outbox.ts';
import { createPool } from '../../../../src/db/pool.ts';
import type { QueueMessage, ReadableQueue } from '../../../../src/queue/queue.ts';
import { createReadableQueue } from '../../../../src/queue/sqs.ts';
import { CodedError } from '../../../../src/runtime/errors.ts';
import type { LogFields, Logger } from '../../../../src/runtime/logger.ts';
import type { BounceDependencies } from '../../../../src/watcher/bounces/read-bounces.ts';
import { createBounceReader } from '../../../../src/watcher/bounces/read-bounces.ts';
import { bounce } from '../../../support/bounces.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { hold } from '../../../support/locks.ts';
import type { TestQueue } from '../../../support/queue.ts';
import { createQueue, depth, sendBodies } from '../../../support/queue.ts';

const HOUR = 3_600_000;
const DELETED = 'SES reported an email that no alert has for an hour; the report is deleted';

const database = await createDatabase();
const { pool } = database;
let queue: TestQueue;
beforeEach(async () => {
  await emptyTables(pool);
  queue = await createQueue();
});

const never = new AbortController().signal;

/** A reader in this process, on the real queue. Returns also the messages of its log. */
function reader(overrides: Partial<BounceDependencies> = {}) {
  const lines: string[] = [];
  const write = (level: string) => (message: string, _fields?: LogFields) => {
    lines.push(`${level} ${message}`);
  };
  const logger: Logger = {
    critical: write('CRITICAL'),
    error: write('ERROR'),
    warning: write('WARNING'),
    info: write('INFO'),
    debug: write('DEBUG'),
  };
  const bounces = createBounceReader({
    pool,
    openQueue: async () => createReadableQueue(queue.client, queue.queueUrl),
    maxWaitSeconds: 1,
    logger,
    reporter: { report: () => {}, warn: write('REPORT'), close: async () => {} },
    metrics: { increment: () => {}, gauge: () => {}, distribution: () => {}, close: async () => {} },
    hasUnmarked: () => false,
    ...overrides,
  });
  return { bounces, lines };
}

/** The real queue, with each message sent so long ago. */
const older = (milliseconds: number) => async (): Promise<ReadableQueue> => {
  const real = createReadableQueue(queue.client, queue.queueUrl);
  const aged = (message: QueueMessage) => ({ ...message, sentAt: new Date(Date.now() - milliseconds) });
  return { ...real, receive: async (...given) => (await real.receive(...given)).map(aged) };
};

/** Adds sent alerts, each of an email of its own with this id. */
async function addSent(...ids: readonly string[]): Promise<void> {
  await pool.query(`
    INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
      VALUES ('g1', '7', 'm', 'x', '[]', now(), now(), pg_current_xact_id());
    INSERT INTO recipients (email) VALUES ('ann@example.com')`);
  const run = await pool.query<{ id: string }>(
    'INSERT INTO trigger_runs (ran_at, snapshot) VALUES (now(), pg_current_snapshot()) RETURNING id',
  );
  const alert = { recipientId: '1', issueId: '1', because: 'b', subject: 's', text: 't' };
  const unsaid = { html: null, bundle: null, events: 1, users: 1 };
  const alerts = ids.map((trigger) => ({ trigger, ...alert, ...unsaid }));
  await insertAlerts(pool, run.rows[0]?.id ?? '', alerts);
  await pool.query("UPDATE alerts SET status = 'sent', ses_message_id = trigger");
}

async function states(): Promise<Record<string, string>> {
  const { rows } = await pool.query<{ trigger: string; status: string }>(
    'SELECT trigger, status FROM alerts',
  );
  return Object.fromEntries(rows.map(({ trigger, status }) => [trigger, status]));
}

const left = async () => {
  const { visible, inFlight } = await depth(queue.client, queue.queueUrl);
  return visible + inFlight;
};

describe('reading SES’s events', () => {
  it.each([
    ['for less than an hour', HOUR - 60_000, false, 1],
    ['for an hour', HOUR + 1_000, false, 0],
    ['for an hour, while emails that SES accepted are not marked', HOUR + 1_000, true, 1],
  ])('keeps or deletes a report about an unknown email %s', async (_, age, unmarked, expected) => {
    await sendBodies(queue.client, queue.queueUrl, [bounce('unknown')]);
    const { bounces, lines } = reader({ openQueue: older(age), hasUnmarked: () => unmarked });
    await bounces.poll(never);
    expect(await left()).toBe(expected);
    expect(lines.includes(`INFO ${DELETED}`)).toBe(expected === 0);
    expect(lines.filter((line) => /^(ERROR|WARNING|REPORT)/.test(line))).toEqual([]);
  });

  it('marks an alert however old the report is', async () => {
    await addSent('a');
    await sendBodies(queue.client, queue.queueUrl, [bounce('a')]);
    const { bounces } = reader({ openQueue: older(100 * HOUR) });
    await bounces.poll(never);
    expect(await states()).toEqual({ a: 'bounced' });
  });

  it('marks the other alerts of a batch if one row is locked', async () => {
    await addSent('a', 'b', 'c');
    await hold(pool, "SELECT FROM alerts WHERE trigger = 'b' FOR UPDATE");
    await sendBodies(
      queue.client,
      queue.queueUrl,
      ['a', 'b', 'c'].map((id) => bounce(id)),
    );
    const impatient = createPool({
      connectionString: database.url,
      applicationName: 'bec-alerts test',
      max: 1,
      statementTimeoutMilliseconds: 500,
      onIdleError: () => undefined,
    });
    try {
      const { bounces } = reader({ pool: impatient });
      await expect(bounces.poll(never)).rejects.toMatchObject({ code: 'database_failed', retryable: true });
    } finally {
      await impatient.end();
    }
    expect(await states()).toEqual({ a: 'bounced', b: 'sent', c: 'bounced' });
    expect(await left()).toBe(1);
  });

  it('pauses after an empty answer that came at once, as a proxy gives it', async () => {
    const empty: ReadableQueue = { receive: async () => [], delete: async () => {} };
    const { bounces } = reader({ openQueue: async () => empty });
    expect(await bounces.poll(never)).toBeGreaterThan(0);
  });

  it('pauses if it leaves a message, because a queue without a visibility timeout returns it at once', async () => {
    await sendBodies(queue.client, queue.queueUrl, [bounce('unknown')]);
    expect(await reader().bounces.poll(never)).toBeGreaterThan(0);
  });

  it('polls again at once after a message that is done', async () => {
    await addSent('a');
    await sendBodies(queue.client, queue.queueUrl, [bounce('a')]);
    expect(await reader().bounces.poll(never)).toBe(0);
  });

  it('finds the queue again after SQS refused it', async () => {
    await addSent('a');
    await sendBodies(queue.client, queue.queueUrl, [bounce('a')]);
    let opened = 0;
    const gone: ReadableQueue = {
      receive: async () => {
        throw new CodedError('queue_refused', 'no such queue', { retryable: false });
      },
      delete: async () => {},
    };
    const openQueue = async () => {
      opened += 1;
      return opened === 1 ? gone : createReadableQueue(queue.client, queue.queueUrl);
    };
    const { bounces } = reader({ openQueue });
    await expect(bounces.poll(never)).rejects.toMatchObject({ code: 'queue_refused' });
    await bounces.poll(never);
    expect(await states()).toEqual({ a: 'bounced' });
  });

  it('at the end of --once reads until the queue is empty', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `id-${index}`);
    await addSent(...ids);
    await sendBodies(
      queue.client,
      queue.queueUrl,
      ids.map((id) => bounce(id)),
    );
    await reader().bounces.readAll(never);
    expect(new Set(Object.values(await states()))).toEqual(new Set(['bounced']));
    expect(await left()).toBe(0);
  });
});
