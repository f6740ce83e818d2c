import { beforeEach, describe, expect, it } from 'vitest';
import { RUN_LOCK } from '../../../src/db/locks.ts';
import { inReadOnlyTransaction } from '../../../src/db/transaction.ts';
import { awayFromMidnight, daysAgo, happen } from '../../support/alerts.ts';
import { runCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { hold } from '../../support/locks.ts';
import { contents, triggerFile } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(async () => {
  await emptyTables(pool);
});

const EMAILS = 'ann@example.com,bob@example.com';
const explain = (parameters: readonly string[], env: Record<string, string> = {}) =>
  runCommand(['explain', ...parameters], { DATABASE_URL: database.url, ALERT_EMAILS: EMAILS, ...env });

/** The triggers' verdicts, as the text shows them: each trigger's lines joined. */
function verdictsIn(stdout: string): Record<string, string> {
  const [, section = ''] = /^If the triggers evaluated the issue now:\n([\s\S]*?)^\S/m.exec(stdout) ?? [];
  const parts = section.split(/^ {2}(?=\S)/m).filter((part) => part !== '');
  return Object.fromEntries(
    parts.map((part) => {
      const [name = '', ...lines] = part.trimEnd().split('\n');
      return [name, lines.map((line) => line.trim()).join(' ')];
    }),
  );
}

/** Stores a finished run that has seen everything so far. */
async function addRun(): Promise<void> {
  await pool.query(
    'INSERT INTO trigger_runs (ran_at, finished_at, snapshot, by_activity) VALUES (now(), now(), pg_current_snapshot(), true)',
  );
}

/** Stores recipients and a run, for the rows of alerts. */
async function addRecipients(...emails: string[]): Promise<void> {
  await addRun();
  await pool.query('INSERT INTO recipients (email) SELECT unnest($1::text[])', [emails]);
}

async function addAlert(
  recipientId: number,
  trigger: string,
  hoursAgo: number,
  columns: { status: string; attempts?: number; error?: string; sesId?: string },
): Promise<void> {
  const { status, attempts = 1, error = null, sesId = null } = columns;
  await pool.query(
    `INSERT INTO alerts (run_id, trigger, recipient_id, issue_id, because, subject, body_text, status, attempts,
                         last_error, ses_message_id, created_at)
     VALUES ((SELECT max(id) FROM trigger_runs), $1, $2, 1, 'it was new', 's', 't', $3, $4, $5, $6,
             timestamptz '2026-05-06 12:00:00Z' - $7 * interval '1 hour')`,
    [trigger, recipientId, status, attempts, error, sesId, hoursAgo],
  );
}

async function addNotified(recipientId: number, triggers: readonly string[], lastAlerts = {}): Promise<void> {
  await pool.query(
    `INSERT INTO recipient_issues (recipient_id, issue_id, last_notified, triggers, last_alerts)
     VALUES ($1, 1, '2026-04-01T08:00:00Z', $2, $3)`,
    [recipientId, triggers, JSON.stringify(lastAlerts)],
  );
}

describe('bec-alerts explain', () => {
  it('shows the issue with its counts, and bars by hour and by day', async () => {
    await awayFromMidnight();
    await happen(pool, '4711', 200, {
      tags: { release: '141.0', environment: 'beta', browser: null, os: null },
    });
    await happen(pool, '4711', 10, { receivedAt: daysAgo(3) });
    const { code, stdout, stderr } = await explain(['4711']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const line of [
      /^issue 4711$/m,
      /^Issue +4711 of Sentry project 7$/m,
      /^State +KNOWN SINCE \d+ \w+ \d{4}$/m,
      /^Module +app$/m,
      /^First seen +\d{4}-.* UTC, in release 141\.0, beta$/m,
      /^Last seen +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/m,
      /^Today \(UTC\) so far +about \d+ \(± \d+\) events, about \d+ \(± \d+\) affected users$/m,
      /^Last 7 days +about 2\d\d \(± \d+\) events/m,
      /^Events an hour +[·▁-█]{24} {2}\d\d:00 UTC to now$/m,
      /^Events a day +[·▁-█]{14} {2}\d+ \w+ to today$/m,
      /^Counts over 150 are estimates/m,
    ]) {
      expect(stdout).toMatch(line);
    }
    // Ten events three days ago, two hundred today.
    expect(stdout).toMatch(/^Events a day +·{10}▁··█ /m);
  });

  it('gives each trigger’s verdict with its reason, in the triggers’ order', async () => {
    await happen(pool, '1', 1);
    const file = await triggerFile(`[
      { name: 'No reason', emails: ['ann@example.com'], evaluate: () => ({ notify: false }) },
      { name: 'Fails', emails: ['ann@example.com'], evaluate: () => { throw new Error('it broke') } },
      { name: 'Off', enabled: false, emails: ['ann@example.com'], evaluate: () => ({ notify: true, because: 'x' }) },
      { name: 'Counts', emails: ['ann@example.com', 'bob@example.com'],
        evaluate: async (issue, context) =>
          ({ notify: true, because: 'events: ' + (await context.counts(issue, { days: 7 })).events }) },
      { name: 'Small', emails: ['ann@example.com'], evaluate: () => ({ notify: false, because: 'it is small' }) },
      { name: 'Nobody', emails: [], evaluate: () => ({ notify: true, because: 'x' }) },
    ]`);
    const { code, stdout } = await explain(['1', '--triggers', file]);
    expect(code).toBe(0);
    expect(Object.entries(verdictsIn(stdout))).toEqual([
      ['No reason', 'would not notify; the trigger gives no reason'],
      ['Fails', 'failed: it broke'],
      ['Off', 'disabled'],
      ['Counts', 'would notify ann@example.com, bob@example.com because events: 1'],
      ['Small', 'would not notify, because it is small'],
      ['Nobody', 'would notify nobody: the trigger has no recipients because x'],
    ]);
    expect(stdout).toContain('\nNobody was notified of it so far.\n');
  });

  it('counts alerts of earlier triggers as notified for the later ones, of this issue only', async () => {
    await happen(pool, '1', 1);
    await happen(pool, '2', 1);
    await addRecipients('ann@example.com');
    const file = await triggerFile(`[
      { name: 'First', emails: ['ann@example.com', 'new@example.com'], evaluate: (_, { recipients }) =>
        ({ notify: true, because: 'x', recipients: recipients.slice(1) }) },
      { name: 'Second', emails: ['ann@example.com', 'new@example.com', 'newer@example.com'],
        evaluate: async (issue, context) => {
          const [ranked] = (await context.top({ days: 7, limit: 10 })).filter((one) => one.issue.id !== issue.id);
          const other = (await context.neverNotified(ranked.issue)).length;
          const byThis = (await context.neverNotified(issue, 'thisTrigger')).length;
          const last = await context.lastNotified(context.recipients[1], issue);
          return { notify: true, because: other + ' ' + byThis + ' ' + (last?.getTime() === context.now.getTime()),
                   recipients: await context.neverNotified(issue) };
        } },
    ]`);
    const { stdout } = await explain(['1', '--triggers', file]);
    expect(verdictsIn(stdout)).toEqual({
      First: 'would notify new@example.com because x',
      Second: 'would notify ann@example.com, newer@example.com because 3 3 true',
    });
  });

  it('shows which alerts are stored and whether each email arrived, the latest first', async () => {
    await happen(pool, '1', 1);
    await addRecipients('ann@example.com', 'bob@example.com');
    await addAlert(1, 'New top crasher', 3, { status: 'sent', sesId: 'id-1' });
    await addAlert(2, 'New top crasher', 2, {
      status: 'failed',
      attempts: 4,
      error: 'Address is not\nverified',
    });
    await addAlert(1, 'Spike', 1, { status: 'pending', attempts: 0 });
    await addAlert(2, 'Spike', 0, { status: 'pending', attempts: 2, error: 'throttled' });
    await addAlert(1, 'Printed', 0, { status: 'sent' });
    const { stdout } = await explain(['1'], { ALERT_EMAILS: '' });
    const [, section] = /^Notified so far, the latest first:\n((?: {2}.*\n?)+)/m.exec(stdout) ?? [];
    expect(
      section
        ?.trimEnd()
        .split(/\n(?= {2}\d)/)
        .map((one) => one.replaceAll(/\s+/g, ' ').trim()),
    ).toEqual([
      '2026-05-06 12:00:00 UTC ann@example.com by Printed: printed by the watcher, not emailed',
      '2026-05-06 12:00:00 UTC bob@example.com by Spike: waits to be sent again, 2 attempts: throttled',
      '2026-05-06 11:00:00 UTC ann@example.com by Spike: waits to be sent',
      '2026-05-06 10:00:00 UTC bob@example.com by New top crasher: failed after 4 attempts: Address is not verified',
      '2026-05-06 09:00:00 UTC ann@example.com by New top crasher: SES accepted the email',
    ]);
  });

  it('shows a bounced alert with its reason', async () => {
    await happen(pool, '1', 1);
    await addRecipients('ann@example.com');
    const error = 'Permanent bounce (General): smtp; 550 5.1.1\u001b[31m user\r\nunknown\u202e';
    await addAlert(1, 'Spike', 0, { status: 'bounced', sesId: 'id-1', error });
    await pool.query("UPDATE alerts SET bounced_at = '2026-05-06 12:00:05Z'");
    const { stdout } = await explain(['1']);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      '2026-05-06 12:00:00 UTC ann@example.com by Spike: bounced after SES accepted the email: ' +
        'Permanent bounce (General): smtp; 550 5.1.1 [31m user unknown',
    );
    expect(stdout).not.toMatch(/[\p{Cc}--\n]|\p{Cf}/v);
    const { alerts } = JSON.parse((await explain(['1', '--json'])).stdout);
    expect(alerts).toMatchObject([
      {
        status: 'bounced',
        bounced_at: '2026-05-06T12:00:05.000Z',
        last_error: 'Permanent bounce (General): smtp; 550 5.1.1 [31m user unknown',
        ses_message_id: 'id-1',
      },
    ]);
  });

  it('lists 20 alerts and counts the rest', async () => {
    await happen(pool, '1', 1);
    await addRecipients('ann@example.com');
    for (let index = 0; index < 23; index += 1)
      await addAlert(1, `T${index}`, 0, { status: 'sent', sesId: 'x' });
    const { stdout } = await explain(['1']);
    expect(stdout.match(/SES accepted the email/g)).toHaveLength(20);
    expect(stdout).toMatch(/by T3: SES accepted the email\n {2}and 3 more$/m);
  });

  it('shows notifications whose alerts are no longer stored', async () => {
    await happen(pool, '1', 1);
    await addRecipients('ann@example.com', 'bob@example.com', 'cy@example.com');
    await addAlert(1, 'Spike', 0, { status: 'sent', sesId: 'x' });
    // Ann: one alert is stored, an older one of another trigger is not.
    await addNotified(1, ['Spike', 'Older'], { Older: { at: '2026-03-01T09:00:00Z', events: 1, users: 1 } });
    // Bob: from before triggers were recorded. Cy: two triggers, and it is not known which of them was the last.
    await addNotified(2, []);
    await addNotified(3, ['One', 'Two']);
    const { stdout } = await explain(['1']);
    const [, section] = /SES accepted the email\n((?: {2}.*\n?)+)/m.exec(stdout) ?? [];
    const gone = 'notified; the alert is no longer stored';
    expect(
      section
        ?.trimEnd()
        .split(/\n(?= {2}\w)/)
        .map((one) => one.replaceAll(/\s+/g, ' ').trim()),
    ).toEqual([
      `2026-04-01 08:00:00 UTC bob@example.com: ${gone}`,
      `2026-03-01 09:00:00 UTC ann@example.com by Older: ${gone}`,
      `time not stored cy@example.com by One: ${gone}`,
      `time not stored cy@example.com by Two: ${gone}`,
    ]);
  });

  it('shows evaluations to retry, and whether the next run evaluates the issue', async () => {
    await happen(pool, '1', 1);
    expect((await explain(['1'])).stdout).toContain('The next run evaluates the issue, because it changed');
    await addRun();
    expect((await explain(['1'])).stdout).toContain('No run evaluates the issue before its next event.');
    await pool.query(
      `INSERT INTO failed_evaluations VALUES ('Given up', 1, 10, 'always'), ('Spike', 1, 2, 'no\nluck')`,
    );
    const { stdout } = await explain(['1']);
    expect(stdout).toContain('The next run evaluates the issue again with the triggers that failed on it.');
    expect(stdout).toContain(
      'Evaluations to retry:\n' +
        '  Given up: 10 failed attempts, not retried before the next event: always\n' +
        '  Spike: 2 failed attempts: no luck\n',
    );
  });

  it('works for an issue whose counts are all deleted', async () => {
    await happen(pool, '1', 1, { receivedAt: daysAgo(200) });
    await pool.query('DELETE FROM issue_buckets; DELETE FROM issue_hours; DELETE FROM issue_tags');
    const { code, stdout } = await explain(['1']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^State +KNOWN SINCE /m);
    expect(stdout).toMatch(/^Last 7 days +0 events, 0 affected users$/m);
    expect(verdictsIn(stdout)['New top crasher']).toBe('would not notify, because it ranks below 10');
  });

  it('writes nothing, and Postgres would refuse it', async () => {
    await happen(pool, '1', 300);
    const before = await contents(pool);
    const { stdout } = await explain(['1']);
    expect(verdictsIn(stdout)['New top crasher']).toMatch(/^would notify ann@example.com, bob@example.com/);
    expect(await contents(pool)).toEqual(before);
    const write = inReadOnlyTransaction(pool, 'a test', (tx) => tx.query({ text: 'DELETE FROM issues' }));
    await expect(write).rejects.toThrow(
      'a test failed (25006 cannot execute DELETE in a read-only transaction)',
    );
  });

  it('works while a run holds the lock and has written rows that are not committed', async () => {
    await happen(pool, '1', 300);
    await addRecipients('ann@example.com');
    const running = await hold(
      pool,
      `SELECT pg_advisory_lock(${RUN_LOCK});
       INSERT INTO trigger_runs (ran_at, snapshot, by_activity) VALUES (now(), pg_current_snapshot(), true);
       INSERT INTO recipients (email) VALUES ('bob@example.com');
       INSERT INTO recipient_issues (recipient_id, issue_id, last_notified) VALUES (1, 1, now())`,
    );
    const { code, stdout } = await explain(['1']);
    expect(code).toBe(0);
    expect(verdictsIn(stdout)['New top crasher']).toMatch(/^would notify ann@example.com, bob@example.com/);
    await running.release();
  });

  it('shows hostile texts on one line each, in 80 columns', async () => {
    const hostile = `${'\u202e'}Error:\r\nbad\u001b[31m \u2028${'x'.repeat(500)}`;
    const { code } = await (async () => {
      await happen(pool, '1', 1, { message: hostile, logMessage: hostile, module: hostile });
      await addRecipients('ann@example.com');
      await addAlert(1, 'Spike', 0, { status: 'failed', error: hostile });
      return await explain(['1']);
    })();
    expect(code).toBe(0);
    const file = await triggerFile(`[
      { name: 'Quotes', emails: ['ann@example.com'], evaluate: ({ message }) => ({ notify: true, because: message }) },
      { name: 'Throws', emails: ['ann@example.com'], evaluate: ({ message }) => { throw new Error(message) } },
    ]`);
    const { stdout } = await explain(['1', '--triggers', file]);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).not.toMatch(/[\p{Cc}--\n]|\p{Cf}|[\u2028\u2029]/v);
    expect(stdout).toMatch(/^Error: bad \[31m\nx{80}$/m);
    const json = (await explain(['1', '--json', '--triggers', file])).stdout;
    expect(json).not.toMatch(/\\u00|\\[rn]|\p{Cf}|[\u2028\u2029]/v);
    expect(JSON.parse(json).issue.message).toMatch(/^Error: bad \[31m x{500}$/);
  });

  it('exits 1 for an unknown id and names those that contain it, with their titles', async () => {
    for (const id of ['5471', '4712', '4711', '99'])
      await happen(pool, id, 1, { message: `a\ntitle of ${id}` });
    expect(await explain(['471'])).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr:
        'bec-alerts: there is no issue 471; issues with similar ids are\n' +
        '  4711  a title of 4711\n  4712  a title of 4712\n  5471  a title of 5471\n',
    });
    // The address of the issue's page.
    expect((await explain(['https://sentry.example.com/issues/4712/'])).stderr).toContain('\n  4712  ');
  });

  it('names the nearest ids if none contains it', async () => {
    for (const id of ['100200', '100300', '999999']) await happen(pool, id, 1);
    const { code, stderr } = await explain(['100299']);
    expect(code).toBe(1);
    expect(stderr.split('\n').slice(1)).toEqual(['  100200  issue 100200', '']);
    expect((await explain(["'; DROP TABLE issues; --"])).stderr).toBe(
      "bec-alerts: there is no issue '; DROP TABLE issues; --, and none with a similar id\n",
    );
  });

  it('shows a long or hostile id on one line, cut', async () => {
    const { code, stderr } = await explain([`%_\n\u202e${'9'.repeat(50_000)}`]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^bec-alerts: there is no issue %_ 9{96}…, and none with a similar id\n$/);
  });

  it('prints everything as JSON, and only that', async () => {
    await awayFromMidnight();
    await happen(pool, '4711', 2);
    await addRecipients('ann@example.com', 'bob@example.com');
    await addAlert(1, 'Spike', 0, { status: 'failed', attempts: 3, error: 'refused' });
    await addNotified(2, ['Older']);
    await pool.query(`INSERT INTO failed_evaluations VALUES ('Spike', 1, 2, 'no luck')`);
    const file = await triggerFile(`[
      { name: 'Prints', emails: ['ann@example.com'],
        evaluate: () => { console.log('noise'); return { notify: true, because: 'why' }; } },
      { name: 'Off', enabled: false, emails: [], evaluate: () => ({ notify: false }) },
    ]`);
    const { code, stdout, stderr } = await explain(['4711', '--json', '--triggers', file]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'noise\n' });
    const document = JSON.parse(stdout);
    const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(document).toMatchObject({
      explained_at: iso,
      issue: {
        group_id: '4711',
        project_id: '7',
        message: 'issue 4711',
        log_message: '',
        module: 'app',
        first_release: null,
        environment: null,
        first_seen: iso,
        last_seen: iso,
        novelty: 'new',
        back_after_days: null,
        stack_frames: [{ function: 'render', module: 'app', line: 20, column: 7 }],
      },
      counts: { today: { events: 2, users: 2 }, seven_days: { events: 2, users: 2 } },
      next_run: 'retry',
      triggers: [
        {
          trigger: 'Prints',
          emails: ['ann@example.com'],
          verdict: 'notify',
          because: 'why',
          recipients: ['ann@example.com'],
          error: null,
        },
        { trigger: 'Off', emails: [], verdict: 'disabled', because: null, recipients: [], error: null },
      ],
      alerts: [
        {
          created_at: '2026-05-06T12:00:00.000Z',
          trigger: 'Spike',
          recipient: 'ann@example.com',
          because: 'it was new',
          status: 'failed',
          attempts: 3,
          last_error: 'refused',
          sent_at: null,
          ses_message_id: null,
        },
      ],
      more_alerts: 0,
      alerts_not_stored: [
        { notified_at: '2026-04-01T08:00:00.000Z', trigger: 'Older', recipient: 'bob@example.com' },
      ],
      more_alerts_not_stored: 0,
      failed_evaluations: [{ trigger: 'Spike', attempts: 2, last_error: 'no luck' }],
    });
    expect(Object.keys(document.counts)).toEqual([
      'this_hour',
      'last_hour',
      'same_hour_yesterday',
      'today',
      'seven_days',
    ]);
    expect(document.days).toHaveLength(14);
    expect(document.days.at(-1)).toEqual({ date: expect.stringMatching(/^\d{4}-/), events: 2, users: 2 });
    expect(document.hours).toHaveLength(24);
    expect(document.hours.at(-1)).toMatchObject({ at: iso });
  });

  it('exits 1 with one line if the database doesn’t answer, and shows no password', async () => {
    const { code, stdout, stderr } = await explain(['1'], {
      DATABASE_URL: 'postgres://someone:marked-password@127.0.0.1:1/nothing',
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^bec-alerts: explaining the issue failed \(.*\)\n$/);
    expect(stderr).not.toContain('marked-password');
  });

  it.each([
    ['no issue', [], /missing required argument 'issue'/],
    ['an empty issue', [' '], /ISSUE {2}is empty/],
    ['two issues', ['1', '2'], /too many arguments/],
  ])('exits 2 for %s', async (_, parameters, message) => {
    const { code, stderr } = await explain(parameters);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
