import { beforeEach, describe, expect, it } from 'vitest';
import { databaseStatus } from '../../../src/db/status.ts';
import { happen } from '../../support/alerts.ts';
import { runCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { createQueue } from '../../support/queue.ts';
import { declining, runHere } from '../../support/run.ts';
import { addSilence } from '../../support/silences.ts';
import { triggerFile } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(() => emptyTables(pool));

const explain = async (...parameters: string[]) => {
  const TRIGGERS = await triggerFile(`['Spike', 'Growth'].map((name) => ({ name, emails: ['ann@example.com'],
    evaluate: async (issue, context) =>
      ({ notify: true, because: 'it grows', recipients: await context.neverNotified(issue) }) }))`);
  const { stdout } = await runCommand(['explain', ...parameters], { DATABASE_URL: database.url, TRIGGERS });
  return stdout;
};
/** The lines of a section without its title, each on one line. */
const section = (text: string, title: string): string[] => {
  const [, lines = ''] = new RegExp(`^${title}\\n((?: {2}.*\\n)+)`, 'm').exec(text) ?? [];
  return lines
    .trimEnd()
    .split(/\n(?= {2}\S)/)
    .map((line) => line.replaceAll(/\s+/g, ' ').trim());
};
const TIME = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`;

describe('bec-alerts explain', () => {
  it('says which verdict a silence would drop, and doesn’t count it as notified for the next trigger', async () => {
    await happen(pool, '1', 1);
    await addSilence(pool, '1', { trigger: `'Spike'`, until: `'2999-01-01'` });
    const [spike, growth] = section(await explain('1'), 'If the triggers evaluated the issue now:');
    expect(spike).toBe(
      'Spike would notify ann@example.com because it grows but a silence drops it until 2999-01-01 00:00:00 UTC',
    );
    expect(growth).toBe('Growth would notify ann@example.com because it grows');
  });

  it('lists the silences of the issue: those that hold, then those that ended, the latest first', async () => {
    await happen(pool, '1', 3);
    await happen(pool, '2', 1);
    await addSilence(pool, '1', { until: `'2999-01-01'`, because: `'known'` });
    await addSilence(pool, '1', { users_over: '500', trigger: `'Spike'`, created_by: `'bob'` });
    await addSilence(pool, '1', { users_over: '2' });
    await addSilence(pool, '2', { because: `'another issue'` });
    for (const day of [1, 2, 3, 4, 5, 6]) {
      const at = `'2026-05-0${day}T12:00:00Z'`;
      await addSilence(pool, '1', { ended_at: at, reevaluated_at: at, because: `'day ${day}'` });
    }
    const lines = section(await explain('1'), 'Silences:');
    expect(lines).toHaveLength(3 + 5);
    expect(lines[0]).toMatch(/^until 2999-01-01 00:00:00 UTC, in \d+ days, for all triggers, by ann: known$/);
    expect(lines[1]).toBe('until 500 users, now 3, for trigger Spike, by bob: known');
    expect(lines[2]).toBe('over, for all triggers, by ann: known');
    expect(lines[3]).toBe('ended 2026-05-06 12:00:00 UTC, for all triggers, by ann: day 6');
    expect(lines[7]).toContain('day 2');
  });

  it('shows the same as JSON, with the silence of each verdict', async () => {
    await happen(pool, '1', 3);
    await addSilence(pool, '1', { users_over: '500', trigger: `'Spike'` });
    await addSilence(pool, '1', { until: `'2026-05-06T12:00:00Z'` });
    const { silences, triggers, next_run } = JSON.parse(await explain('1', '--json'));
    expect(silences).toMatchObject([
      { holds: true, id: '1', trigger: 'Spike', until: null, until_users: 500, users: 3, by: 'ann' },
      { holds: false, id: '2', trigger: null, until: '2026-05-06T12:00:00.000Z', until_users: null },
    ]);
    expect(triggers).toMatchObject([
      { trigger: 'Spike', verdict: 'notify', silenced_by: '1' },
      { trigger: 'Growth', verdict: 'notify', silenced_by: null },
    ]);
    expect(next_run).toBe('changed');
  });

  it('says that the next run evaluates an issue whose silence is over', async () => {
    await happen(pool, '1', 1);
    const triggers = ['Spike', 'Growth'].map(declining);
    await runHere(pool, triggers);
    await addSilence(pool, '1');
    expect(await explain('1')).toContain(
      '\nNo run evaluates the issue before its next event or the end of a silence.\n',
    );
    await pool.query('UPDATE silences SET ended_at = now()');
    const text = await explain('1');
    expect(text).toContain('\nThe next run evaluates the issue again, because a silence of it is over.\n');
    expect(section(text, 'Silences:')).toEqual([
      expect.stringMatching(new RegExp(`^ended ${TIME}, for all triggers, by ann: known$`)),
    ]);
    expect(JSON.parse(await explain('1', '--json')).next_run).toBe('silence');
    // Growth has not evaluated the issue again yet.
    await runHere(pool, triggers.slice(0, 1));
    expect(JSON.parse(await explain('1', '--json')).next_run).toBe('silence');
    await runHere(pool, triggers);
    expect(JSON.parse(await explain('1', '--json')).next_run).toBe('none');
  });

  it('says nothing of silences if the issue was never silenced', async () => {
    await happen(pool, '1', 1);
    expect(await explain('1')).not.toMatch(/silence/i);
    expect(JSON.parse(await explain('1', '--json')).silences).toEqual([]);
  });
});

describe('bec-alerts status', () => {
  it('counts the silences that hold, and says when the next one ends', async () => {
    await happen(pool, '1', 3);
    await addSilence(pool, '1', { until: `'2999-01-02'` });
    await addSilence(pool, '1', { until: `'2999-01-01'` });
    await addSilence(pool, '1', { users_over: '4' });
    await addSilence(pool, '1', { users_over: '3' });
    await addSilence(pool, '1', { until: `'2026-01-01'` });
    const queue = await createQueue();
    const env = { ...queue.env, DATABASE_URL: database.url };
    const { stdout } = await runCommand(['status'], env);
    expect(stdout).toMatch(/^silences holding +3, the next ends 2999-01-01 00:00:00 UTC$/m);
    expect(stdout).toMatch(/^silences +5 rows, /m);
    const json = JSON.parse((await runCommand(['status', '--json'], env)).stdout);
    expect(json.silences).toEqual({ holding: 3, next_ends_at: '2999-01-01T00:00:00.000Z' });
  });

  it('knows no next end if silences end by users, or if nothing is silenced', async () => {
    await happen(pool, '1', 1);
    expect((await databaseStatus(pool)).silences).toEqual({ holding: 0, nextEndsAt: null });
    await addSilence(pool, '1', { users_over: '4' });
    expect((await databaseStatus(pool)).silences).toEqual({ holding: 1, nextEndsAt: null });
  });
});
