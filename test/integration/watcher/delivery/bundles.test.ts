import { beforeEach, describe, expect, it } from 'vitest';
import { clearEmails, storedEmails } from '../../../../dev/services.ts';
import { storeEvents } from '../../../../src/db/events.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { createLocalSes } from '../../../support/local-ses.ts';
import { contents, everyEventFile, outbox, runWatcher, triggerFile } from '../../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
const ses = await createLocalSes();
beforeEach(async () => {
  await emptyTables(pool);
  await clearEmails(ses.endpoint);
});

/** Issue `issue-0001` has one affected user, `issue-0002` two, and so on. */
async function store(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `issue-${String(index + 1).padStart(4, '0')}`);
  await storeEvents(
    pool,
    names.flatMap((groupId, index) =>
      Array.from({ length: Math.min(index + 1, 20) }, (_, user) =>
        errorEvent({ groupId, message: groupId, user: `id:${user}` }),
      ),
    ),
  );
  return names;
}

const run = (env: Record<string, string>, parameters: readonly string[] = []) =>
  runWatcher(database, ses.endpoint, parameters, env);
const lines = (text: string) => text.split('\n').filter((line) => /^ {2}issue-\d+$/.test(line));

describe('ALERT_DIGEST=run', () => {
  it('gives each recipient one email: alerts by trigger, the most affected users first, nothing dropped', async () => {
    const names = await store(4);
    const TRIGGERS = await triggerFile(`[
      { name: 'First', emails: ['ann@example.com', 'bob@example.com'],
        evaluate: () => ({ notify: true, because: 'the first said so' }) },
      { name: 'Second', emails: ['bob@example.com'],
        evaluate: (issue) => ({ notify: issue.groupId !== 'issue-0004', because: 'the second said so' }) },
    ]`);
    const SENTRY_ISSUE_URL = 'https://sentry.example.com/issues/{groupId}/';
    await run({ TRIGGERS, SENTRY_ISSUE_URL, ALERT_DIGEST: 'run' });
    const emails = await storedEmails(ses.endpoint);
    const [toAnn, toBob, ...more] = emails.sort((one, other) =>
      (one.to[0] ?? '').localeCompare(other.to[0] ?? ''),
    );
    expect(more).toEqual([]);
    const mostFirst = names.toReversed().map((name) => `  ${name}`);
    expect(toAnn?.subject).toBe('4 alerts: First [Firefox Browser Errors]');
    expect(lines(toAnn?.text ?? '')).toEqual(mostFirst);
    expect(toBob?.subject).toBe('7 alerts: First, Second [Firefox Browser Errors]');
    expect(lines(toBob?.text ?? '')).toEqual([...mostFirst, ...mostFirst.slice(1)]);
    expect(toBob?.text).toMatch(/^First: 4 alerts$[\s\S]*^Second: 3 alerts$/m);
    expect(toBob?.text).toContain(
      ['  issue-0003', '    Reason: the second said so', '    3 events, 3 affected users over 7 days'].join(
        '\n',
      ),
    );
    expect(toBob?.text).toContain(
      '    at render(app:20:7)\n    https://sentry.example.com/issues/issue-0003/\n',
    );

    const ids = new Map(emails.map(({ to, messageId }) => [to[0], messageId]));
    const alerts = await outbox(pool);
    expect(alerts).toHaveLength(11);
    for (const alert of alerts) {
      expect(alert).toMatchObject({ status: 'sent', attempts: 1, ses_message_id: ids.get(alert.email) });
    }
  });

  it('escapes untrusted text, in subject, text and HTML', async () => {
    const message = '<b onclick="x()">&\u202eevil</b>\r\nBcc: all@example.com';
    await storeEvents(pool, [errorEvent({ message, module: '<i>', stackFrames: [] })]);
    await run({ TRIGGERS: await everyEventFile(), ALERT_DIGEST: 'run' });
    const [email] = await storedEmails(ses.endpoint);
    expect(email?.text).toContain('\n  <b onclick="x()">& evil</b> Bcc: all@example.com\n');
    expect(email?.html?.replace(/<[^>]+>/g, '')).toContain(
      '&lt;b onclick=&quot;x()&quot;&gt;&amp; evil&lt;/b&gt; Bcc: all@example.com',
    );
    expect(email?.html).not.toContain('<b onclick');
  });

  it('splits alerts that are too large for one email, and drops nothing', async () => {
    const names = await store(1_200);
    await run({ TRIGGERS: await everyEventFile(), ALERT_DIGEST: 'run' });
    const emails = await storedEmails(ses.endpoint);
    expect(emails.map(({ subject }) => subject.replace(/ \[.*\]$/, ''))).toEqual([
      '1,000 alerts: Every event',
      '200 alerts: Every event',
    ]);
    expect(emails[0]?.text).toContain('200 alerts of this run follow in further emails.');
    const listed = emails.flatMap(({ text }) => lines(text).map((line) => line.trim()));
    expect(listed.sort()).toEqual(names.sort());
    expect((await outbox(pool)).every(({ status }) => status === 'sent')).toBe(true);
  });

  it('shows the digest in a dry run, and leaves nothing behind', async () => {
    await store(3);
    const before = await contents(pool);
    const env = { TRIGGERS: await everyEventFile(), ALERT_DIGEST: 'run' };
    const { stdout } = await run(env, ['--dry-run', '--console-alerts']);
    expect(stdout.match(/^Subject: .*$/gm)).toEqual([
      'Subject: 3 alerts: Every event [Firefox Browser Errors]',
    ]);
    expect(await contents(pool)).toEqual(before);
  });
});

describe('ALERT_MAX_PER_RUN', () => {
  it('makes one email of the alerts beyond it, and marks every alert sent', async () => {
    await store(10);
    await run({
      TRIGGERS: await everyEventFile(['ann@example.com', 'bob@example.com']),
      ALERT_MAX_PER_RUN: '3',
    });
    const emails = await storedEmails(ses.endpoint);
    for (const recipient of ['ann@example.com', 'bob@example.com']) {
      const subjects = emails
        .filter(({ to }) => to[0] === recipient)
        .map(({ subject }) => subject.replace(/ \[.*\]$/, ''));
      expect(subjects).toEqual([
        'issue-0001 · Every event',
        'issue-0002 · Every event',
        'issue-0003 · Every event',
        '7 more alerts: Every event',
      ]);
    }
    const summary = emails.find(({ subject }) => subject.includes('more alerts'));
    expect(summary?.text).toContain(
      '7 alerts of one run, in addition to the 3 alerts that were sent one by one',
    );
    expect(lines(summary?.text ?? '')).toEqual(
      ['10', '09', '08', '07', '06', '05', '04'].map((issue) => `  issue-00${issue}`),
    );
    const alerts = await outbox(pool);
    expect(alerts.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'sent'));
    expect(new Set(alerts.map(({ ses_message_id }) => ses_message_id)).size).toBe(8);
  });

  it('turns a flood into a handful of emails, and says how many alerts are left out', async () => {
    await store(1_500);
    await run({ TRIGGERS: await everyEventFile() });
    const emails = await storedEmails(ses.endpoint);
    expect(emails).toHaveLength(51);
    const summary = emails.at(-1);
    expect(summary?.subject).toContain('1,450 more alerts: Every event');
    expect(lines(summary?.text ?? '')).toHaveLength(200);
    expect(summary?.text).toContain('and 1,250 more with fewer affected users');
    expect(summary?.html).toContain('and 1,250 more with fewer affected users');
    expect((await outbox(pool)).every(({ status }) => status === 'sent')).toBe(true);
  });
});
