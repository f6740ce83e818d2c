import { beforeEach, describe, expect, it } from 'vitest';
import { happen, watchOnce } from '../../support/alerts.ts';
import { records } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { startAgent } from '../../support/dogstatsd.ts';
import { runHere } from '../../support/run.ts';
import { addSilence, silence, silenceRows } from '../../support/silences.ts';
import { contents, everyEventFile, outbox, triggerFile } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(() => emptyTables(pool));

/** Two triggers for ann, who each notify of every issue once. */
const twoTriggers = () =>
  triggerFile(`['Spike', 'Growth'].map((name) => ({ name, emails: ['ann@example.com'],
    evaluate: async (issue, context) =>
      ({ notify: true, because: 'it grows', recipients: await context.neverNotified(issue) }) }))`);

const issuesIn = (subjects: readonly { subject: string }[]) =>
  subjects.map(({ subject }) => /issue \w+/.exec(subject)?.[0]);

describe('a silenced issue', () => {
  it('is not emailed, nobody is recorded as notified, and the metric counts each alert', async () => {
    const agent = await startAgent();
    const TRIGGERS = await everyEventFile(['ann@example.com', 'bob@example.com']);
    await happen(pool, '4200001', 1);
    await happen(pool, '4200002', 1);
    // This is the line at the end of an email, as it can be pasted.
    const { code, stderr } = await silence(database, ['4200001', '--for', '8h', '--because', '…']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { emails, finished } = await watchOnce(database, { TRIGGERS, ...agent.env });
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    expect(issuesIn(emails)).toEqual(['issue 4200002', 'issue 4200002']);
    expect((await outbox(pool)).map(({ group_id }) => group_id)).toEqual(['4200002', '4200002']);
    const notified = await pool.query(
      'SELECT DISTINCT group_id FROM recipient_issues JOIN issues ON id = issue_id',
    );
    expect(notified.rows).toEqual([{ group_id: '4200002' }]);
    expect((await agent.received('bec-alerts.watcher.silenced')).value).toBe(2);
    expect((await pool.query('SELECT FROM failed_evaluations')).rowCount).toBe(0);
  });

  it('is logged once for each trigger, with ids and the author but without texts', async () => {
    const TRIGGERS = await twoTriggers();
    await happen(pool, '4200001', 1, { message: 'marked-title' });
    await silence(database, ['4200001', '--for', '8h', '--because', 'marked-reason']);
    const { finished } = await watchOnce(database, { TRIGGERS, LOG_FORMAT: 'mozlog' });
    const dropped = records(finished.stdout).filter(
      ({ Fields }) => Fields.msg === 'an alert is dropped because of a silence',
    );
    const until = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(dropped.map(({ Severity, Fields }) => ({ Severity, ...Fields }))).toEqual(
      ['Spike', 'Growth'].map((trigger) =>
        expect.objectContaining({
          Severity: 6,
          group_id: '4200001',
          trigger,
          silence: '1',
          by: 'ann',
          until,
          recipients: 1,
        }),
      ),
    );
    expect(finished.stdout).toContain(
      'evaluated 1 issue with 2 triggers: 0 alerts, 2 dropped because of a silence',
    );
    expect(finished.stdout).not.toMatch(/marked-title|marked-reason/);
  });

  it('by one trigger is still emailed by the others', async () => {
    const TRIGGERS = await twoTriggers();
    await happen(pool, '4200001', 1);
    const done = await silence(database, ['4200001', '--for', '8h', '--because', 'x', '--trigger', 'Spike'], {
      TRIGGERS,
    });
    expect(done).toMatchObject({ code: 0, stderr: '' });
    await watchOnce(database, { TRIGGERS });
    // Spike comes first. Its alert is dropped, so ann doesn't count as notified when Growth asks.
    expect((await outbox(pool)).map(({ trigger, status }) => `${trigger} ${status}`)).toEqual([
      'Growth sent',
    ]);
  });

  it('stays silent until the longest of several silences ends', async () => {
    const TRIGGERS = await everyEventFile();
    await happen(pool, '4200001', 1);
    await addSilence(pool, '4200001', { until: `now() - interval '1 minute'` });
    await addSilence(pool, '4200001', { until: `now() + interval '1 hour'`, created_by: `'bob'` });
    await addSilence(pool, '4200001', { until: `now() + interval '1 minute'` });
    const { emails, finished } = await watchOnce(database, { TRIGGERS, LOG_FORMAT: 'compose' });
    expect(emails).toEqual([]);
    expect(finished.stdout).toMatch(/dropped because of a silence .* silence=2 .* by=bob/);
    expect((await silenceRows(pool)).map(({ settled }) => settled)).toEqual([true, false, false]);
  });

  it('is shown by a dry run, which leaves the silences as they are', async () => {
    const TRIGGERS = await everyEventFile();
    await happen(pool, '4200001', 1);
    await happen(pool, '4200002', 1);
    await addSilence(pool, '4200001', { because: `'the fix is on its way'` });
    await addSilence(pool, '4200002', { until: `now() - interval '1 minute'` });
    const before = await contents(pool);
    const { finished } = await watchOnce(database, { TRIGGERS }, ['--dry-run', '--console-alerts']);
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    expect(finished.stdout).toMatch(
      /^Every event: 1 alert dropped because of a silence:\n {2}4200001 until \d{4}-.* UTC, by ann: the fix is on its way$/m,
    );
    expect(finished.stdout).toMatch(/^Subject: issue 4200002 · /m);
    expect(await contents(pool)).toEqual(before);
  });

  it('doesn’t hide that a trigger fails on it', async () => {
    const TRIGGERS = await triggerFile(
      `[{ name: 'Throws', emails: ['ann@example.com'], evaluate: () => { throw new Error('boom') } }]`,
    );
    await happen(pool, '4200001', 1);
    await addSilence(pool, '4200001');
    const { finished } = await watchOnce(database, { TRIGGERS });
    expect(finished.code).toBe(1);
    expect((await pool.query('SELECT FROM failed_evaluations')).rowCount).toBe(1);
  });
});

describe('a digest', () => {
  it('lists ten of the silences that held during its run, and counts the others', async () => {
    const TRIGGERS = await everyEventFile();
    const ids = Array.from({ length: 13 }, (_, index) => `42000${String(index).padStart(2, '0')}`);
    for (const id of ids) await happen(pool, id, 1);
    for (const id of ids.slice(1)) await addSilence(pool, id);
    await addSilence(pool, '4200000', { until: `now() - interval '1 minute'` });
    const { emails } = await watchOnce(database, { TRIGGERS, ALERT_DIGEST: 'run' });
    expect(emails).toHaveLength(1);
    const [, section = ''] =
      /^Silenced at the time of the run:\n((?: {2}.*\n)+)/m.exec(emails[0]?.text ?? '') ?? [];
    const lines = section.trimEnd().split('\n');
    expect(lines).toHaveLength(11);
    expect(lines[0]).toMatch(/^ {2}4200001 until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, by ann: known$/);
    expect(lines[10]).toBe('  and 2 more: bec-alerts silences');
    expect(emails[0]?.html).toContain('4200010 until');
    expect(emails[0]?.text).not.toContain('4200000 until');
  });

  it('that is sent later lists the silences of its run, not those of the time when it is sent', async () => {
    const TRIGGERS = await everyEventFile();
    for (const id of ['4200001', '4200002', '4200003']) await happen(pool, id, 1);
    await addSilence(pool, '4200001', { because: `'during the run'` });
    const evaluate = () => ({ notify: true as const, because: 'it changed' });
    const trigger = { name: 'Every event', emails: ['ann@example.com'], evaluate };
    // The alerts of this run wait in the outbox.
    await runHere(pool, [trigger], { bundling: { digest: true, maxPerRun: 50 } });
    await pool.query('UPDATE silences SET ended_at = now()');
    await addSilence(pool, '4200003', { because: `'after the run'` });
    const { emails } = await watchOnce(database, { TRIGGERS, ALERT_DIGEST: 'run' });
    const texts = emails.map(({ text }) => text ?? '');
    expect(texts.find((text) => text.includes('issue 4200002'))).toContain('during the run');
    expect(texts.find((text) => text.includes('issue 4200002'))).not.toContain('after the run');
  });
});
