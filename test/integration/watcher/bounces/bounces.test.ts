import { beforeEach, describe, expect, it } from 'vitest';
import { poll } from '../../../../dev/poll.ts';
import { storeEvents } from '../../../../src/db/events.ts';
import {
  bounce,
  complaint,
  createTopic,
  delivery,
  logged,
  rejection,
  SUBSCRIPTION_CONFIRMATION,
  suppressed,
} from '../../../support/bounces.ts';
import type { Environment, RunningCommand } from '../../../support/command.ts';
import { records } from '../../../support/command.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { startAgent } from '../../../support/dogstatsd.ts';
import { errorEvent } from '../../../support/events.ts';
import { drained } from '../../../support/processor.ts';
import type { TestQueue } from '../../../support/queue.ts';
import { createQueue, depth, sendBodies } from '../../../support/queue.ts';
import type { SesStandIn } from '../../../support/ses.ts';
import { startSesStandIn } from '../../../support/ses.ts';
import { everyEventFile, outbox, runWatcher, settled, startWatcher } from '../../../support/watcher.ts';

const BOUNCED = 'an email bounced after SES accepted it; its recipient was probably not notified';
const UNWANTED = 'a recipient marked an email as unwanted; SES may not deliver further emails to them';

const database = await createDatabase();
const { pool } = database;
let ses: SesStandIn;
let queue: TestQueue;
beforeEach(async () => {
  await emptyTables(pool);
  ses = await startSesStandIn();
  // Short, because a message that is left in the queue comes back only then.
  queue = await createQueue({ visibilitySeconds: 1 });
});

const events = ({ env }: TestQueue) => ({
  SQS_ENDPOINT_URL: env.SQS_ENDPOINT_URL,
  SES_EVENTS_QUEUE_NAME: env.SQS_QUEUE_NAME,
});

async function start(env: Environment = {}): Promise<RunningCommand> {
  const TRIGGERS = await everyEventFile();
  return startWatcher(database, ses.endpoint, [], { TRIGGERS, ...events(queue), ...env });
}

/** Stores an event of each issue, and waits until their alerts are sent. @returns SES's ids, in the order of the outbox */
async function alerted(...groups: readonly string[]): Promise<string[]> {
  const before = (await outbox(pool)).length;
  await storeEvents(
    pool,
    groups.map((groupId) => errorEvent({ groupId, message: groupId })),
  );
  const rows = await settled(pool, before + groups.length);
  return rows.slice(before).map(({ ses_message_id }) => ses_message_id ?? '');
}

const send = (...bodies: readonly string[]) => sendBodies(queue.client, queue.queueUrl, bodies);
const log = (watcher: RunningCommand) => records(watcher.output());
const states = async () => (await outbox(pool)).map(({ status }) => status);

async function stop(watcher: RunningCommand): Promise<void> {
  watcher.child.kill('SIGTERM');
  expect(await watcher.finished).toMatchObject({ code: 0, stderr: '' });
}

describe('a watcher that reads SES’s events', () => {
  it.each([
    ['a permanent bounce', bounce, 'Permanent bounce (General): smtp; 550 5.1.1 user unknown'],
    [
      'a transient bounce',
      (id: string) => bounce(id, { bounceType: 'Transient', bounceSubType: 'MailboxFull' }),
      'Transient bounce (MailboxFull): smtp; 550 5.1.1 user unknown',
    ],
    [
      'the suppression list',
      suppressed,
      'Permanent bounce (OnAccountSuppressionList): Amazon SES did not send the message to this address because it is on the suppression list for your account.',
    ],
    [
      'the suppression list, because of a complaint',
      (id: string) => complaint(id, { complaintSubType: 'OnAccountSuppressionList' }),
      "Complaint (OnAccountSuppressionList): SES did not send the email, because the address is on the account's suppression list",
    ],
    ['a rejection', rejection, 'Rejected by SES after it accepted the email: Bad content'],
  ])('marks the alert, reports it once and counts it: %s', async (_, event, reason) => {
    const agent = await startAgent();
    const watcher = await start(agent.env);
    const [id = '', other = ''] = await alerted('bad', 'good');
    await send(event(id), delivery(other));
    await drained(queue);
    await stop(watcher);
    expect(await outbox(pool)).toMatchObject([
      { group_id: 'bad', status: 'bounced', ses_message_id: id, last_error: reason },
      { group_id: 'good', status: 'sent', last_error: null },
    ]);
    const { rows } = await pool.query('SELECT bounced_at >= sent_at AS later FROM alerts ORDER BY id');
    expect(rows).toEqual([{ later: true }, { later: null }]);
    expect(logged(log(watcher), BOUNCED)).toEqual([
      {
        msg: BOUNCED,
        alert: '1',
        run: expect.any(String),
        trigger: 'Every event',
        group_id: 'bad',
        ses_message_id: id,
        reason,
      },
    ]);
    expect(await agent.received('bec-alerts.watcher.errors')).toMatchObject({
      value: 1,
      tags: ['what:bounce'],
    });
    expect(agent.of('bec-alerts.watcher.errors')).toHaveLength(1);
  });

  it('reports and counts an ordinary complaint, and the alert stays sent', async () => {
    const agent = await startAgent();
    const watcher = await start(agent.env);
    const [id = ''] = await alerted('a');
    await send(complaint(id));
    await drained(queue);
    await stop(watcher);
    expect(await states()).toEqual(['sent']);
    const fields = { group_id: 'a', ses_message_id: id, reason: 'Complaint (abuse)' };
    expect(logged(log(watcher), UNWANTED)).toMatchObject([fields]);
    expect(logged(log(watcher), BOUNCED)).toEqual([]);
    expect(await agent.received('bec-alerts.watcher.errors')).toMatchObject({ tags: ['what:complaint'] });
  });

  it.each([
    ['raw', true],
    ['wrapped', false],
  ])('reads the topic of a real SNS server, %s', async (_, raw) => {
    const publish = await createTopic(queue, raw);
    const watcher = await start();
    const [id = ''] = await alerted('a');
    await publish('Successfully validated SNS topic for Amazon SES event publishing.');
    await publish(bounce(id));
    await drained(queue);
    await stop(watcher);
    expect(await states()).toEqual(['bounced']);
    expect(log(watcher).filter(({ Severity }) => Number(Severity) <= 4)).toHaveLength(1);
  });

  it('reports a bounce once that arrives several times', async () => {
    const agent = await startAgent();
    const watcher = await start(agent.env);
    const [id = ''] = await alerted('a');
    await send(bounce(id), bounce(id));
    await drained(queue);
    await send(bounce(id, { bounceType: 'Transient' }));
    await drained(queue);
    await stop(watcher);
    expect(logged(log(watcher), BOUNCED)).toHaveLength(1);
    expect(await agent.received('bec-alerts.watcher.errors')).toMatchObject({ value: 1 });
    expect(agent.of('bec-alerts.watcher.errors')).toHaveLength(1);
    expect((await outbox(pool))[0]?.last_error).toMatch(/^Permanent/);
  });

  it('marks an alert whose bounce arrives before SES’s answer', async () => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    ses.answer(async ({ action }) => {
      if (action === 'SendEmail') await answered;
      return { result: '<MessageId>early-1</MessageId>' };
    });
    const watcher = await start();
    await storeEvents(pool, [errorEvent({ groupId: 'a', message: 'a' })]);
    await send(bounce('early-1'));
    await watcher.printed(/SES reports an email that no alert has; waiting/);
    expect(await states()).not.toContain('bounced');
    answer();
    await drained(queue);
    expect(await states()).toEqual(['bounced']);
    await stop(watcher);
    expect(logged(log(watcher), BOUNCED)).toHaveLength(1);
  });

  it('leaves a report in the queue about an email that no alert has', async () => {
    const watcher = await start();
    await send(bounce('of-another-service'));
    await watcher.printed(/no alert has; waiting/, 2);
    await stop(watcher);
    const { visible, inFlight } = await depth(queue.client, queue.queueUrl);
    expect(visible + inFlight).toBe(1);
    expect(log(watcher).filter(({ Severity }) => Number(Severity) < 6)).toEqual([]);
  });

  it('marks all alerts of a shared email, and reports and counts it as one bounce', async () => {
    const agent = await startAgent();
    const watcher = await start({ ...agent.env, ALERT_DIGEST: 'run' });
    const ids = await alerted('a', 'b', 'c');
    expect(new Set(ids).size).toBe(1);
    await send(bounce(ids[0] ?? ''));
    await drained(queue);
    await stop(watcher);
    expect(await states()).toEqual(['bounced', 'bounced', 'bounced']);
    expect(logged(log(watcher), BOUNCED)).toMatchObject([{ alerts: 3, ses_message_id: ids[0] }]);
    expect(logged(log(watcher), 'alert bounced in a shared email').map(({ group_id }) => group_id)).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(await agent.received('bec-alerts.watcher.errors')).toMatchObject({ value: 1 });
    expect(agent.of('bec-alerts.watcher.errors')).toHaveLength(1);
  });

  it('says that the subscription is not confirmed, without its token', async () => {
    const watcher = await start();
    await send(SUBSCRIPTION_CONFIRMATION);
    await drained(queue);
    await stop(watcher);
    expect(watcher.output()).toContain('subscription is not confirmed; confirm it or subscribe again');
    expect(watcher.output()).not.toContain('marked-token');
  });

  it('reads the events that are there with --once, after it delivered the alerts', async () => {
    ses.answer(() => ({ result: '<MessageId>once-1</MessageId>' }));
    await storeEvents(pool, [errorEvent()]);
    const others = Array.from({ length: 12 }, (_, index) => delivery(`other-${index}`));
    await send(...others, bounce('once-1'));
    const env = { TRIGGERS: await everyEventFile(), ...events(queue) };
    expect(await runWatcher(database, ses.endpoint, [], env)).toMatchObject({ code: 0, stderr: '' });
    expect(await states()).toEqual(['bounced']);
    expect(await depth(queue.client, queue.queueUrl)).toEqual({ visible: 0, inFlight: 0 });
  });

  it.each([
    ['once', ['--once']],
    ['as a daemon', []],
  ])('reads nothing in a dry run, %s', async (_, parameters) => {
    await send(bounce('a'));
    const watcher = startWatcher(database, ses.endpoint, ['--dry-run', ...parameters], events(queue));
    await watcher.printed(/evaluated 0 issues/);
    watcher.child.kill('SIGTERM');
    expect(await watcher.finished).toMatchObject({ stderr: '' });
    expect(watcher.output()).not.toContain("reading SES's events");
    expect(await depth(queue.client, queue.queueUrl)).toEqual({ visible: 1, inFlight: 0 });
  });

  it('shares the queue with other watchers: each bounce is reported and counted once', async () => {
    const agent = await startAgent();
    const watchers = [await start(agent.env), await start(agent.env), await start(agent.env)];
    for (const watcher of watchers) await watcher.printed(/reading SES's events from their queue/);
    const groups = Array.from({ length: 40 }, (_, index) => `g${index}`);
    const ids = await alerted(...groups);
    // Each bounce twice, so that two watchers have the same bounce at the same time.
    await send(...ids.flatMap((id) => [bounce(id), bounce(id)]));
    await drained(queue);
    for (const watcher of watchers) await stop(watcher);
    expect(new Set(await states())).toEqual(new Set(['bounced']));
    const reported = watchers.flatMap((watcher) => logged(log(watcher), BOUNCED));
    expect(reported.map(({ ses_message_id }) => ses_message_id).sort()).toEqual(ids.sort());
    const counted = () =>
      agent.of('bec-alerts.watcher.errors').reduce((sum, { value }) => sum + value, 0) >= 40
        ? true
        : undefined;
    await poll('40 bounces to be counted', async () => counted());
    const tags = agent.of('bec-alerts.watcher.errors').map((metric) => metric.tags.join());
    expect(new Set(tags)).toEqual(new Set(['what:bounce']));
    expect(agent.of('bec-alerts.watcher.errors').reduce((sum, { value }) => sum + value, 0)).toBe(40);
  });
});
