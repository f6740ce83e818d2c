import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { poll } from '../../../../dev/poll.ts';
import type { LocalSentry } from '../../../../dev/sentry/stand-in.ts';
import { startSentry } from '../../../../dev/sentry/stand-in.ts';
import { storeEvents } from '../../../../src/db/events.ts';
import type { Environment, RunningCommand } from '../../../support/command.ts';
import { records, runCommand, servedAt } from '../../../support/command.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { startAgent } from '../../../support/dogstatsd.ts';
import { errorEvent } from '../../../support/events.ts';
import { drained, startProcessor } from '../../../support/processor.ts';
import type { TestQueue } from '../../../support/queue.ts';
import { createQueue } from '../../../support/queue.ts';
import type { SesStandIn } from '../../../support/ses.ts';
import { REJECTED, startSesStandIn } from '../../../support/ses.ts';
import { everyEventFile, ON_CALL, outbox, runs, settled, startWatcher } from '../../../support/watcher.ts';

const EMAIL = 'success@simulator.amazonses.com';
const REFUSED = 'Sentry did not accept the canary; it is sent again in a minute';

const database = await createDatabase();
const { pool } = database;
let queue: TestQueue;
let ses: SesStandIn;
beforeEach(async () => {
  await emptyTables(pool);
  queue = await createQueue();
  ses = await startSesStandIn();
});

/** A Sentry that forwards what `body` makes of an event; nothing for null. */
async function sentry(body: (event: string) => string | null = (event) => event): Promise<LocalSentry> {
  const server = await startSentry({
    forward: async (event) => {
      const MessageBody = body(event);
      if (MessageBody === null) return;
      await queue.client.send(new SendMessageCommand({ QueueUrl: queue.queueUrl, MessageBody }));
    },
  });
  onTestFinished(() => server.close());
  return server;
}

const watch = (dsn: string, env: Environment = {}) =>
  startWatcher(database, ses.endpoint, [], {
    CANARY_INTERVAL: '86400',
    SIMULATE_SENTRY_DSN: dsn,
    PORT: '0',
    ...env,
  });

async function stop(daemon: RunningCommand): Promise<void> {
  daemon.child.kill('SIGTERM');
  expect(await daemon.finished).toMatchObject({ code: 0, stderr: '' });
}

/** Waits for the canary to have a value in a column. */
const canaryHas = (column: 'event_id' | 'refused' | 'counted_at' | 'email_refused') =>
  poll(`a canary with ${column}`, async () => {
    const { rowCount } = await pool.query(`SELECT FROM canaries WHERE ${column} IS NOT NULL`);
    return rowCount === 0 ? undefined : true;
  });
/** As if the canary had been sent ten minutes ago. */
const makeOverdue = () => pool.query("UPDATE canaries SET sent_at = sent_at - interval '10 minutes'");

async function status(): Promise<{ code: number | null; stderr: string; stdout: string }> {
  return await runCommand(['status'], { ...queue.env, DATABASE_URL: database.url });
}

async function heartbeat(daemon: RunningCommand): Promise<{ status: number; canary: unknown }> {
  const response = await fetch(`${await servedAt(daemon)}/__heartbeat__`);
  const { details = {}, checks = {} } = (await response.json()) as Record<string, Record<string, string>>;
  return { status: response.status, canary: details.canary ?? checks.canary };
}

describe('a canary on its whole way', () => {
  it('is counted, shows its delay, and notifies nobody', async () => {
    const agent = await startAgent();
    const TRIGGERS = await everyEventFile();
    const processor = startProcessor(queue, database);
    const watcher = watch((await sentry()).dsn(), { TRIGGERS, CANARY_EMAIL: EMAIL, ...agent.env });
    const { type, value } = await agent.received('bec-alerts.canary.delay');
    expect(type).toBe('d');
    expect(value).toBeGreaterThan(0);
    await storeEvents(pool, [errorEvent({ groupId: 'other' })]);
    expect((await settled(pool, 1)).map(({ group_id }) => group_id)).toEqual(['other']);
    const emails = async () => (ses.taken.length === 2 ? [...ses.taken] : undefined);
    expect((await poll('two emails', emails)).map(({ to, subject }) => ({ to, subject }))).toEqual([
      { to: EMAIL, subject: 'bec-alerts: canary' },
      { to: ON_CALL, subject: expect.stringContaining('Every event') },
    ]);
    expect(await heartbeat(watcher)).toEqual({ status: 200, canary: 'ok' });
    await stop(watcher);
    await stop(processor);
    const { code, stdout, stderr } = await status();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^canary +counted \d+ s after it was sent, \d+ s ago$/m);
    expect(await outbox(pool)).toHaveLength(1);
  });

  it('is sent by one of two watchers', async () => {
    let events = 0;
    const server = await sentry(() => {
      events += 1;
      return null;
    });
    const watchers = [watch(server.dsn()), watch(server.dsn())];
    await canaryHas('event_id');
    await Promise.all(watchers.map((watcher) => watcher.printed(/evaluated 0 issues|the next run is due/)));
    await poll('the event', async () => (events > 0 ? true : undefined));
    for (const watcher of watchers) await stop(watcher);
    expect(events).toBe(1);
    expect((await pool.query('SELECT FROM canaries')).rowCount).toBe(1);
  });

  it('that Sentry refuses is named, with its reason, and reported once', async () => {
    const server = await sentry();
    const wrong = server.dsn().replace(/\/\/\w+@/, '//0123456789abcdef@');
    const watcher = watch(wrong);
    await canaryHas('refused');
    await makeOverdue();
    const reason = /it did not reach Sentry \(check SIMULATE_SENTRY_DSN\): Sentry at .* it answered 40[13]/;
    expect(await heartbeat(watcher)).toEqual({ status: 500, canary: expect.stringMatching(reason) });
    await stop(watcher);
    const { code, stderr } = await status();
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    const reports = records(watcher.output()).filter(({ Fields }) => Fields.msg === REFUSED);
    expect(reports.map(({ Severity }) => Severity)).toEqual([4]);
  });

  it('that Sentry does not forward is not in the queue', async () => {
    const watcher = watch((await sentry(() => null)).dsn());
    await watcher.printed(/sent a canary to Sentry/);
    await makeOverdue();
    expect(await heartbeat(watcher)).toEqual({
      status: 500,
      canary: expect.stringContaining('`bec-alerts status` says which part of the way is suspect'),
    });
    await stop(watcher);
    const { code, stdout, stderr } = await status();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /a canary is not counted \d+ (s|min) after it was sent: Sentry accepted it, and the queue is empty; check whether the project of SIMULATE_SENTRY_DSN forwards its errors to this queue$/m,
    );
    expect(stdout).toMatch(/^canary +not counted yet, \d+ (s|min) after it was sent$/m);
  });

  it('that no processor reads is in the queue, and is counted later', async () => {
    const watcher = watch((await sentry()).dsn());
    await watcher.printed(/sent a canary to Sentry/);
    await makeOverdue();
    const late = await status();
    expect(late.code).toBe(1);
    expect(late.stderr).toContain(
      'the queue has 1 message, so it may be one of them; are processors running',
    );
    const processor = startProcessor(queue, database);
    await canaryHas('counted_at');
    expect(await heartbeat(watcher)).toEqual({ status: 200, canary: 'ok' });
    await stop(watcher);
    await stop(processor);
    expect(await status()).toMatchObject({ code: 0, stderr: '' });
  });

  it('that the processor rejects may be a dead letter', async () => {
    const watcher = watch((await sentry(() => '{}')).dsn());
    const processor = startProcessor(queue, database);
    await watcher.printed(/sent a canary to Sentry/);
    await drained(queue);
    await stop(watcher);
    await stop(processor);
    await makeOverdue();
    const { code, stderr } = await status();
    expect(code).toBe(1);
    expect(stderr).toContain(
      'or the processor rejected it: `bec-alerts dead_letters` lists the dead letters',
    );
  });

  it('whose email SES refuses is counted, and SES is named', async () => {
    ses.answer(() => REJECTED);
    const processor = startProcessor(queue, database);
    const watcher = watch((await sentry()).dsn(), { CANARY_EMAIL: EMAIL });
    await canaryHas('email_refused');
    const reason = 'the last canary is counted, but SES did not accept its email: ';
    expect(await heartbeat(watcher)).toEqual({ status: 500, canary: expect.stringContaining(reason) });
    await stop(watcher);
    await stop(processor);
    const { code, stderr } = await status();
    expect(code).toBe(1);
    expect(stderr).toContain(reason);
  });

  it.each([['--dry-run'], ['--once']])('is not sent with %s', async (option) => {
    let events = 0;
    const server = await sentry(() => {
      events += 1;
      return null;
    });
    const env = { CANARY_INTERVAL: '86400', SIMULATE_SENTRY_DSN: server.dsn() };
    const watcher = startWatcher(database, ses.endpoint, [option], env);
    if (option === '--once') expect(await watcher.finished).toMatchObject({ code: 0 });
    else {
      await watcher.printed(/evaluated 0 issues/, 2);
      await stop(watcher);
    }
    expect({ events, runs: (await runs(pool)).length }).toEqual({
      events: 0,
      runs: option === '--once' ? 1 : 0,
    });
    expect((await pool.query('SELECT FROM canaries')).rowCount).toBe(0);
  });
});
