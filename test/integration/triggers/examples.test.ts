import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ErrorEvent } from '../../../src/domain/event.ts';
import { DAY } from '../../../src/domain/time.ts';
import { loadTemplate } from '../../../src/mail/alert-template.ts';
import { SAMPLE_ALERT } from '../../../src/mail/sample-alert.ts';
import { loadConfigured } from '../../../src/watcher/triggers/configured.ts';
import { awayFromMidnight, daysAgo, happen, watchOnce } from '../../support/alerts.ts';
import { runCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { decided, runHere } from '../../support/run.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(async () => {
  await awayFromMidnight();
  await emptyTables(pool);
});

const EXAMPLES = fileURLToPath(new URL('../../../docs/examples/', import.meta.url));
const document = readFileSync(new URL('../../../docs/triggers.md', import.meta.url), 'utf8');

/** The issue that a subject names. */
const issueIn = (subject: string) => subject.replace(/^.*issue (.*?)( · .*)?$/, '$1');

/** The alerts of a run with the example's triggers. */
async function alertsOf(example: string) {
  const loaded = await loadConfigured({ file: `${EXAMPLES}${example}.ts`, alertEmails: [] });
  const { failures } = await runHere(
    pool,
    loaded.filter(({ enabled }) => enabled).map(({ trigger }) => trigger),
    { sinceMilliseconds: 365 * DAY },
  );
  expect(failures).toBe(0);
  return await decided(pool);
}

/** The issues in the subjects of these alerts, sorted. */
const notified = async (example: string) =>
  (await alertsOf(example)).map(({ subject }) => issueIn(subject)).toSorted();

/** Stores `count` events of an issue on each of the days, which are numbers of days ago. */
async function onDays(
  groupId: string,
  count: number,
  days: readonly number[],
  event: Partial<ErrorEvent> = {},
) {
  for (const day of days) await happen(pool, groupId, count, { ...event, receivedAt: daysAgo(day) });
}

/** Moves all notifications into the past by this many days. */
async function passDays(days: number): Promise<void> {
  await pool.query("UPDATE recipient_issues SET last_notified = last_notified - $1 * interval '1 day'", [
    days,
  ]);
}

describe('the document', () => {
  const quoted = [...document.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]);

  it.each(readdirSync(EXAMPLES))('quotes %s as it is', (file) => {
    expect(quoted).toContain(readFileSync(`${EXAMPLES}${file}`, 'utf8'));
  });

  it('shows the command’s output for its first example', async () => {
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    const parameters = ['triggers', '--triggers', 'docs/examples/many-users.ts'];
    const { code, stdout } = await runCommand(parameters, {}, root);
    expect(code).toBe(0);
    expect(document).toContain(`$ bec-alerts ${parameters.join(' ')}\n${stdout}\`\`\``);
  });

  it('shows a template that renders', async () => {
    const [, source = ''] = /```eta\n([\s\S]*?)```/.exec(document) ?? [];
    const directory = await mkdtemp(join(tmpdir(), 'bec-alerts-document-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, 'mine.eta'), source);
    const { text } = (await loadTemplate('mine', directory)).render(SAMPLE_ALERT);
    expect(text).toContain('Today: about 520 (± 24) events, 117 affected users\n  at restoreTab(');
  });

  it('names nothing that a template doesn’t have', async () => {
    const named = new Set([...document.matchAll(/\bit\.([a-z]+)/gi)].map((match) => match[1] ?? ''));
    const directory = await mkdtemp(join(tmpdir(), 'bec-alerts-document-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const list = [...named].map((name) => `<% if (it.${name} === undefined) { %>${name} <% } %>`).join('');
    await writeFile(join(directory, 'mine.eta'), list);
    expect((await loadTemplate('mine', directory)).render(SAMPLE_ALERT).text).toBe('');
    expect(named.size).toBeGreaterThan(10);
  });

  it('quotes no TypeScript that isn’t run here', () => {
    expect(quoted).toHaveLength(readdirSync(EXAMPLES).length);
  });
});

describe('the example of many users', () => {
  it('notifies once of an issue that affects more than 500', async () => {
    await onDays('crowd', 220, [0, 3, 7]);
    await onDays('few', 120, [0, 3, 7]);
    await onDays('before', 900, [8]);
    await happen(pool, 'one user', 800, { user: 'id:1' });
    expect(await notified('many-users')).toEqual(['crowd']);
    await happen(pool, 'crowd', 5);
    expect(await notified('many-users')).toEqual([]);
  });
});

describe('the example of a doubled rate', () => {
  it('notifies once a day of an issue with twice its usual events, above a floor', async () => {
    const week = [1, 2, 3, 4, 5, 6, 7];
    await onDays('doubled', 30, week);
    await onDays('steady', 100, week);
    await onDays('rare', 1, week);
    await happen(pool, 'doubled', 150);
    await happen(pool, 'steady', 150);
    await happen(pool, 'rare', 90);
    expect(await notified('doubled-rate')).toEqual(['doubled']);
    await happen(pool, 'doubled', 1);
    expect(await notified('doubled-rate')).toEqual([]);
    await passDays(1);
    await happen(pool, 'doubled', 1);
    expect(await notified('doubled-rate')).toEqual(['doubled']);
  });
});

describe('the example of an issue that is back', () => {
  it('notifies once of an old issue without an event in 30 days', async () => {
    await onDays('back', 3, [80, 60, 0]);
    await onDays('back yesterday', 200, [60, 1]);
    await onDays('quiet too briefly', 3, [80, 30, 0]);
    await onDays('never quiet', 3, [60, 10, 0]);
    await onDays('new', 3, [0]);
    await onDays('still quiet', 3, [60]);
    expect(await notified('back-after-quiet')).toEqual(['back', 'back yesterday']);
    await happen(pool, 'back', 1);
    expect(await notified('back-after-quiet')).toEqual([]);
  });
});

describe('the example of a prefix', () => {
  it('notifies a team of new issues in its own modules', async () => {
    const module = 'resource:///modules/sessionstore/SessionStore.sys.mjs';
    await happen(pool, 'ours', 1, { module });
    await happen(pool, 'theirs', 1, { module: 'resource:///modules/UrlbarInput.sys.mjs' });
    await happen(pool, 'nobody’s', 1, { module: '' });
    const { emails } = await watchOnce(database, {}, ['--triggers', `${EXAMPLES}only-under-a-prefix.ts`]);
    expect(emails.map(({ to, subject }) => [to, subject])).toEqual([
      [['session-store@example.com'], '[session store] issue ours'],
    ]);
    expect(emails[0]?.text).toContain(`Reason: it was thrown in ${module}, and you were never notified`);
    await happen(pool, 'ours', 1, { module });
    expect(await notified('only-under-a-prefix')).toEqual([]);
  });
});

describe('the example of a weekly top ten', () => {
  it('notifies once a week of each of the ten, with its rank', async () => {
    const everyOne = async (count: number) => {
      for (let rank = 1; rank <= 12; rank += 1) await happen(pool, `rank${rank}`, count);
    };
    for (let rank = 1; rank <= 12; rank += 1) await happen(pool, `rank${rank}`, 130 - 10 * rank);
    await happen(pool, 'extension', 150, { module: 'moz-extension://6f1d/content.js' });
    const ten = Array.from({ length: 10 }, (_, index) => `rank${index + 1}`).toSorted();
    const alerts = await alertsOf('weekly-top-ten');
    expect(alerts.map(({ subject }) => issueIn(subject)).toSorted()).toEqual(ten);
    for (const { subject, because } of alerts) {
      const rank = Number(/rank(\d+) ·/.exec(subject)?.[1]);
      expect(because).toContain(`it is number ${rank} of the week with about ${130 - 10 * rank} events`);
    }
    await everyOne(1);
    expect(await notified('weekly-top-ten')).toEqual([]);
    await passDays(7);
    await everyOne(1);
    expect(await notified('weekly-top-ten')).toEqual(ten);
  });
});

describe('a dry run of a trigger file', () => {
  it('prints the emails each time that it runs, and leaves nothing behind', async () => {
    await happen(pool, 'crowd', 700);
    const dry = () =>
      watchOnce(database, {}, ['--dry-run', '--console-alerts', '--triggers', `${EXAMPLES}many-users.ts`]);
    for (const _ of [1, 2]) {
      const { finished, emails } = await dry();
      expect(finished).toMatchObject({ code: 0, stderr: '' });
      expect(emails).toEqual([]);
      expect(finished.stdout).toContain(
        'To: oncall@example.com\nSubject: issue crowd · Many users [Firefox Browser Errors]\n',
      );
    }
    const { rows } = await pool.query(
      'SELECT (SELECT count(*) FROM trigger_runs) + (SELECT count(*) FROM alerts) + (SELECT count(*) FROM recipients) AS left',
    );
    expect(Number(rows[0]?.left)).toBe(0);
    expect(await notified('many-users')).toEqual(['crowd']);
  });
});
