import { beforeEach, describe, expect, it } from 'vitest';
import type { Trigger } from '../../../src/domain/trigger.ts';
import { happen, watchOnce } from '../../support/alerts.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { declining, runHere } from '../../support/run.ts';
import { addSilence, outlastSilences, silence, silenceRows } from '../../support/silences.ts';
import { everyEventFile, ON_CALL, outbox } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(() => emptyTables(pool));

/** Notifies each time, of every issue that a run evaluates. */
const always = (name: string, seen: string[] = []): Trigger => ({
  name,
  emails: [ON_CALL],
  evaluate: (issue) => {
    seen.push(`${name} ${issue.groupId}`);
    return { notify: true, because: 'it changed' };
  },
});

/** The alerts so far, as `trigger issue`. */
const alerts = async () => (await outbox(pool)).map(({ trigger, group_id }) => `${trigger} ${group_id}`);

describe('the first run after a silence', () => {
  it('by time emails what still holds, once and without a new event', async () => {
    const TRIGGERS = await everyEventFile();
    await happen(pool, '4200001', 1);
    await silence(database, ['4200001', '--for', '8h', '--because', 'known']);
    expect((await watchOnce(database, { TRIGGERS })).emails).toEqual([]);
    expect((await watchOnce(database, { TRIGGERS })).emails).toEqual([]);
    await outlastSilences(pool);
    const { emails, finished } = await watchOnce(database, { TRIGGERS, LOG_FORMAT: 'compose' });
    expect(emails.map(({ subject }) => subject)).toEqual([expect.stringContaining('issue 4200001')]);
    expect(finished.stdout).toContain('evaluated 0 issues with 1 trigger: 1 alert run=');
    expect((await watchOnce(database, { TRIGGERS })).emails).toEqual([]);
    expect(await silenceRows(pool)).toMatchObject([{ ended: true, settled: true }]);
  });

  it('by users emails it when the last user is affected', async () => {
    const TRIGGERS = await everyEventFile();
    await happen(pool, '4200001', 3);
    const parameters = ['4200001', '--until-users', '5', '--because', 'few people'];
    expect(await silence(database, parameters)).toMatchObject({ code: 0, stderr: '' });
    expect((await watchOnce(database, { TRIGGERS })).emails).toEqual([]);
    await happen(pool, '4200001', 1);
    expect((await watchOnce(database, { TRIGGERS })).emails).toEqual([]);
    await happen(pool, '4200001', 1);
    expect((await watchOnce(database, { TRIGGERS })).emails).toHaveLength(1);
    expect(await silenceRows(pool)).toMatchObject([{ users_over: 5, ended: true, settled: true }]);
  });

  it('by hand emails it too, and keeps the time at which it was ended', async () => {
    const TRIGGERS = await everyEventFile();
    await happen(pool, '4200001', 1);
    await silence(database, ['4200001', '--for', '1w', '--because', 'known']);
    await watchOnce(database, { TRIGGERS });
    const { code, stdout } = await silence(database, ['4200001', '--end']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'Ended 1 silence of issue 4200001. The next run evaluates the issue again.\n',
    });
    const endedAt = async () => (await pool.query('SELECT ended_at::text FROM silences')).rows;
    const before = await endedAt();
    expect((await watchOnce(database, { TRIGGERS })).emails).toHaveLength(1);
    expect(await endedAt()).toEqual(before);
  });

  it('records the silence’s own time as its end, and the run’s time if it ended by users', async () => {
    await happen(pool, '1', 2);
    await addSilence(pool, '1', { until: `'2026-05-06T12:00:00Z'` });
    await addSilence(pool, '1', { users_over: '2' });
    await runHere(pool, []);
    const { rows } = await pool.query(
      `SELECT ended_at = until AS at_its_time, ended_at = reevaluated_at AS at_the_run,
              reevaluated_at = (SELECT ran_at FROM trigger_runs) AS settled FROM silences ORDER BY id`,
    );
    expect(rows).toEqual([
      { at_its_time: true, at_the_run: false, settled: true },
      { at_its_time: null, at_the_run: true, settled: true },
    ]);
  });

  it('evaluates the issue with the triggers that the silence covered, and no other', async () => {
    await happen(pool, '1', 1);
    await happen(pool, '2', 1);
    await runHere(pool, [always('First'), always('Second')]);
    await addSilence(pool, '1', { trigger: `'Second'` });
    await addSilence(pool, '2');
    await outlastSilences(pool);
    const seen: string[] = [];
    await runHere(pool, [always('First', seen), always('Second', seen)]);
    expect(seen).toEqual(['First 2', 'Second 1', 'Second 2']);
  });

  it('evaluates an issue with several ended silences once', async () => {
    await happen(pool, '1', 1);
    await runHere(pool, [declining('First')]);
    await addSilence(pool, '1', { trigger: `'First'` });
    await addSilence(pool, '1');
    await addSilence(pool, '1', { ended_at: 'now()' });
    await outlastSilences(pool);
    await runHere(pool, [always('First')]);
    expect(await alerts()).toEqual(['First 1']);
  });

  it('evaluates an issue once that has changed as well', async () => {
    await happen(pool, '1', 1);
    await addSilence(pool, '1');
    await outlastSilences(pool);
    const seen: string[] = [];
    await runHere(pool, [always('First', seen)]);
    expect(seen).toEqual(['First 1']);
  });

  it('drops the alerts that another silence still covers, and a later run sends them', async () => {
    await happen(pool, '1', 1);
    await addSilence(pool, '1', { until: `now() - interval '1 minute'` });
    await addSilence(pool, '1', { trigger: `'Second'` });
    const triggers = [always('First'), always('Second')];
    expect(await runHere(pool, triggers)).toMatchObject({ alerts: 1, silenced: 1 });
    expect(await alerts()).toEqual(['First 1']);
    await outlastSilences(pool);
    expect(await runHere(pool, triggers)).toMatchObject({ alerts: 1, silenced: 0 });
    expect(await alerts()).toEqual(['First 1', 'Second 1']);
  });

  it('retries an evaluation that failed in an earlier run only once', async () => {
    await happen(pool, '1', 1);
    const throws: Trigger = {
      ...always('First'),
      evaluate: () => {
        throw new Error('boom');
      },
    };
    await addSilence(pool, '1');
    await runHere(pool, [throws]);
    await outlastSilences(pool);
    const seen: string[] = [];
    await runHere(pool, [always('First', seen)]);
    expect(seen).toEqual(['First 1']);
    expect((await pool.query('SELECT FROM failed_evaluations')).rowCount).toBe(0);
  });

  it('leaves an evaluation that fails to the retries of the next runs', async () => {
    await happen(pool, '1', 1);
    await runHere(pool, [declining('First')]);
    await addSilence(pool, '1');
    await outlastSilences(pool);
    let attempts = 0;
    const throwsOnce: Trigger = {
      ...always('First'),
      evaluate: () => {
        attempts += 1;
        if (attempts === 1) throw new Error('boom');
        return { notify: true, because: 'it works now' };
      },
    };
    expect(await runHere(pool, [throwsOnce])).toMatchObject({ alerts: 0, failures: 1 });
    expect(await runHere(pool, [throwsOnce])).toMatchObject({ alerts: 1, failures: 0 });
    expect(attempts).toBe(2);
  });
});
