import { beforeEach, describe, expect, it } from 'vitest';
import { databaseStatus } from '../../../src/db/status.ts';
import { runCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import type { TestQueue } from '../../support/queue.ts';
import { createQueue, sendBodies, takeAll } from '../../support/queue.ts';

const database = await createDatabase();
const { pool } = database;
let queue: TestQueue;
beforeEach(async () => {
  await emptyTables(pool);
  queue = await createQueue();
});

const status = (parameters: readonly string[] = [], env: Record<string, string> = {}) =>
  runCommand(['status', ...parameters], { ...queue.env, DATABASE_URL: database.url, ...env });

async function addRun(secondsAgo: number): Promise<void> {
  await pool.query(
    `INSERT INTO trigger_runs (ran_at, finished_at, snapshot, issue_count, alert_count)
     SELECT now() - $1 * interval '1 s', now() - $1 * interval '1 s', pg_current_snapshot(), 12, 3`,
    [secondsAgo],
  );
}

/** One issue, and an alert of each state whose pending one was decided so long ago. */
async function addAlerts(secondsAgo: number): Promise<void> {
  await pool.query(`
    INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
    VALUES ('g1', '7', 'm', 'x', '[]', '2026-05-06T12:00:00Z', '2026-05-06T12:00:00Z', pg_current_xact_id());
    INSERT INTO recipients (email) VALUES ('oncall@example.com')`);
  await pool.query(
    `INSERT INTO alerts (run_id, trigger, recipient_id, issue_id, because, subject, body_text, status, created_at)
     SELECT 1, status, 1, 1, 'because', 'subject', 'text', status, now() - $1 * interval '1 s'
     FROM unnest(ARRAY['pending', 'sent', 'failed']) AS status`,
    [secondsAgo],
  );
}

/** Checks the age of a backdated row; a slow machine makes it up to a minute older. */
function expectSeconds(text: string, pattern: RegExp, least: number): void {
  const seconds = Number(pattern.exec(text)?.[1]);
  expect(seconds).toBeGreaterThanOrEqual(least);
  expect(seconds).toBeLessThan(least + 60);
}

describe('bec-alerts status', () => {
  it('shows everything as a table and exits 0 while all is well', async () => {
    await addRun(30);
    await addAlerts(60);
    await sendBodies(queue.client, queue.deadLetterQueueUrl, ['a', 'b']);
    const { code, stdout, stderr } = await status();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const line of [
      /^queue +0 waiting, 0 in flight$/m,
      /^dead letters +2$/m,
      /^last event +2026-05-06 12:00:00 UTC$/m,
      /^last run +\d+ s ago: 12 issues, 3 alerts$/m,
      /^alerts pending +1, the oldest for \d+ s$/m,
      /^alerts failed +1$/m,
      /^alerts sent +1$/m,
      /^issues +1 row, \d+ kB$/m,
      /^issue_buckets +0 rows, \d+ kB$/m,
      /^state +fine$/m,
    ]) {
      expect(stdout).toMatch(line);
    }
    expectSeconds(stdout, /^last run +(\d+) s/m, 30);
    expectSeconds(stdout, /^alerts pending .* (\d+) s$/m, 60);
  });

  it('shows the same as JSON', async () => {
    await addRun(30);
    await addAlerts(60);
    const { code, stdout } = await status(['--json']);
    expect(code).toBe(0);
    const shown = JSON.parse(stdout);
    expect(shown).toMatchObject({
      queue: { waiting: 0, in_flight: 0, delayed: 0 },
      dead_letters: { waiting: 0 },
      last_event_at: '2026-05-06T12:00:00.000Z',
      last_run: { id: '1', issues: 12, alerts: 3, age_seconds: expect.any(Number) },
      alerts: { pending: 1, failed: 1, sent: 1, oldest_pending_seconds: expect.any(Number) },
      failed_evaluations: 0,
      problems: [],
    });
    expect(shown.tables).toContainEqual({
      name: 'issues',
      rows: 1,
      estimated: false,
      bytes: expect.any(Number),
    });
    expect(shown.tables).toHaveLength(13);
  });

  it('lists the triggers with their last run, and names one that a watcher leaves out', async () => {
    await addRun(30);
    await pool.query(`
      INSERT INTO trigger_progress (trigger, run_id, ran_at, snapshot, left_out_since)
      SELECT name, 1, now() - age, pg_current_snapshot(), left_out_since
      FROM (VALUES ('Spike', interval '30 s', null),
                   ('Removed', '8 days', null),
                   (repeat('long ', 30) || 'name', '20 min', timestamptz '2026-05-06T12:00:00Z'))
        AS progress (name, age, left_out_since)`);
    const { code, stdout, stderr } = await status();
    expect(code).toBe(1);
    const lines = stdout.split('\n');
    const first = lines.findIndex((line) => /^triggers +3$/.test(line));
    expect(lines.slice(first + 1, first + 4).map((line) => line.trim())).toEqual([
      expect.stringMatching(/^long long .*…: left out, ran 20 min ago$/),
      expect.stringMatching(/^Spike: ran \d+ s ago$/),
      'Removed: not run for 8 days',
    ]);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stderr).toMatch(
      /the trigger "long .*…" has been left out since 2026-05-06 12:00:00 UTC, because it ended/,
    );
    const { triggers } = JSON.parse((await status(['--json'])).stdout);
    expect(triggers).toMatchObject([
      { left_out_since: '2026-05-06T12:00:00.000Z', not_run_for_a_week: false },
      { name: 'Spike', left_out_since: null, not_run_for_a_week: false },
      { name: 'Removed', left_out_since: null, not_run_for_a_week: true },
    ]);
  });

  it('counts bounced alerts, and lists the latest five with their reasons', async () => {
    await addRun(30);
    await addAlerts(60);
    await pool.query(
      `INSERT INTO alerts (run_id, trigger, recipient_id, issue_id, because, subject, body_text, status, last_error, bounced_at)
       SELECT 1, 'Spike ' || n, 1, 1, 'because', 'subject', 'text', 'bounced', 'Permanent bounce (General): no user ' || n,
              timestamptz '2026-05-06 12:00:00Z' + n * interval '1 min'
       FROM generate_series(1, 7) AS n`,
    );
    const { code, stdout } = await status();
    expect(code).toBe(0);
    const lines = [7, 6, 5, 4, 3].map(
      (n) =>
        `2026-05-06 12:0${n}:00 UTC  oncall@example.com by Spike ${n}: Permanent bounce (General): no user ${n}`,
    );
    const [, listed = ''] = /^alerts bounced +7\n((?: .*\n)*)/m.exec(stdout) ?? [];
    expect(listed.split('\n').map((line) => line.trim())).toEqual([...lines, '']);
    const shown = JSON.parse((await status(['--json'])).stdout);
    expect(shown.alerts).toMatchObject({ bounced: 7, sent: 1, failed: 1 });
    expect(shown.bounced_alerts).toHaveLength(5);
    expect(shown.bounced_alerts[0]).toEqual({
      recipient: 'oncall@example.com',
      trigger: 'Spike 7',
      bounced_at: '2026-05-06T12:07:00.000Z',
      reason: 'Permanent bounce (General): no user 7',
    });
  });

  it('lists nothing while no alert bounced', async () => {
    await addRun(30);
    expect((await status()).stdout).toMatch(/^alerts bounced +0\nalerts sent/m);
    const shown = JSON.parse((await status(['--json'])).stdout);
    expect(shown).toMatchObject({ alerts: { bounced: 0 }, bounced_alerts: [] });
  });

  it('shows a hostile reason on one line, cut', async () => {
    const hostile = `\u202ebad\u001b[31m\r\nstate   fine\u2028${'x'.repeat(500)}`;
    await addRun(30);
    await addAlerts(60);
    await pool.query("UPDATE alerts SET status = 'bounced', last_error = $1 WHERE status = 'sent'", [
      hostile,
    ]);
    const { stdout } = await status();
    expect(stdout).not.toMatch(/[\p{Cc}--\n]|\p{Cf}|[\u2028\u2029]/v);
    expect(stdout).toMatch(/^ +2\d{3}-.* UTC {2}oncall@example.com by sent: bad \[31m state fine x+…$/m);
    expect(stdout.match(/^state/gm)).toHaveLength(1);
    const json = (await status(['--json'])).stdout;
    expect(json).not.toMatch(/\\u00|\\[rn]|\p{Cf}|[\u2028\u2029]/v);
  });

  it('names every thing that is overdue and exits 1', async () => {
    await addRun(2_000);
    await addAlerts(10_000);
    await sendBodies(queue.client, queue.queueUrl, ['a', 'b', 'c']);
    const { code, stderr, stdout } = await status();
    expect(code).toBe(1);
    expect(stderr).toContain('3 messages wait in the queue and nobody reads them');
    expect(stderr).toMatch(/the last finished run began 3\d min ago and is overdue after 15 min/);
    expect(stderr).toMatch(/an alert has been waiting for 3 h to be delivered/);
    expect(stdout).toMatch(/^state +3 to look at/m);
    const { problems } = JSON.parse((await status(['--json'])).stdout);
    expect(problems).toHaveLength(3);
  });

  it('says it of a single message in the singular', async () => {
    await addRun(30);
    await sendBodies(queue.client, queue.queueUrl, ['a']);
    const { stderr } = await status();
    expect(stderr).toBe(
      'bec-alerts: 1 message waits in the queue and nobody reads it; is a processor running?\n',
    );
  });

  it('measures the run against the watcher’s own interval', async () => {
    await addRun(2_000);
    expect((await status([], { WATCHER_SLEEP_DELAY: '3600' })).code).toBe(0);
  });

  it('says so where nothing has ever run, and creates no queue', async () => {
    const { code, stderr, stdout } = await status(['--queue-name', 'not_there']);
    expect(code).toBe(1);
    expect(stderr).toContain('there is no queue ');
    expect(stderr).toContain('no run has ever finished');
    expect(stdout).toMatch(/^queue +none yet$/m);
    expect((await status(['--queue-name', 'not_there'])).stdout).toMatch(/^queue +none yet$/m);
  });

  it('finds the dead letters of a queue that is given by its URL', async () => {
    await addRun(1);
    await sendBodies(queue.client, queue.deadLetterQueueUrl, ['a']);
    const { stdout, code } = await status(['--queue-url', queue.queueUrl], { SQS_QUEUE_NAME: 'another' });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^dead letters +1$/m);
    expect(await takeAll(queue.client, queue.deadLetterQueueUrl)).toHaveLength(1);
  });

  it('doesn’t count messages that someone else has received as unread', async () => {
    await addRun(1);
    await sendBodies(queue.client, queue.queueUrl, ['a', 'b']);
    const { ReceiveMessageCommand } = await import('@aws-sdk/client-sqs');
    await queue.client.send(new ReceiveMessageCommand({ QueueUrl: queue.queueUrl, MaxNumberOfMessages: 1 }));
    expect(await status()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/1 waiting, 1 in flight/),
    });
  });

  it('shows the database where the queue doesn’t answer', async () => {
    await addRun(30);
    const { code, stdout, stderr } = await status([], { SQS_ENDPOINT_URL: 'http://127.0.0.1:1' });
    expect(code).toBe(1);
    expect(stderr).toContain('the queue could not be read: finding the queue failed');
    expectSeconds(stdout, /^last run +(\d+) s ago/m, 30);
  });

  it('shows the queue where the database doesn’t answer, and no password', async () => {
    const { code, stdout, stderr } = await status([], {
      DATABASE_URL: 'postgres://someone:marked-password@127.0.0.1:1/nothing',
    });
    expect(code).toBe(1);
    expect(stderr).toContain("the database could not be read: reading the service's state failed");
    expect(stdout).toMatch(/^queue +0 waiting/m);
    expect(stdout + stderr).not.toContain('marked-password');
  });

  it('takes Postgres’s own estimate of a large table, and counts where Postgres has no estimate', async () => {
    await addRun(10);
    await addAlerts(10);
    await pool.query('ANALYZE issues');
    // Written since: an estimate doesn't know of it.
    await pool.query(`
      INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
      VALUES ('g2', '7', 'm', 'x', '[]', now(), now(), pg_current_xact_id())`);
    const rowsOf = async (countedBytes: number) => {
      const { tables } = await databaseStatus(pool, countedBytes);
      const { rows, estimated } = tables.find(({ name }) => name === 'issues') ?? {};
      return { rows, estimated };
    };
    expect(await rowsOf(0)).toEqual({ rows: 1, estimated: true });
    expect(await rowsOf(1_000_000)).toEqual({ rows: 2, estimated: false });
  });

  it('exits 2 without its settings', async () => {
    const { code, stderr } = await runCommand(['status'], {});
    expect(code).toBe(2);
    expect(stderr).toMatch(/DATABASE_URL +is required/);
    expect(stderr).toMatch(/AWS_DEFAULT_REGION +is required/);
  });
});
