import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../../../../src/db/events.ts';
import { migrate } from '../../../../src/db/migrate.ts';
import { millisecondsUntilDue } from '../../../../src/db/progress.ts';
import type { Trigger } from '../../../../src/domain/trigger.ts';
import { createLogger } from '../../../../src/runtime/logger.ts';
import { evaluatorHere } from '../../../../src/watcher/evaluator/here.ts';
import { loadTriggers } from '../../../../src/watcher/triggers/load.ts';
import { watchOnce } from '../../../support/alerts.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { declining, runHere } from '../../../support/run.ts';
import { addSilence, silenceRows } from '../../../support/silences.ts';
import {
  alertsByTrigger,
  contents,
  everyEventFile,
  ON_CALL,
  outbox,
  runs,
} from '../../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(() => emptyTables(pool));

const HOUR = 3_600_000;

/** Notifies of every issue that it evaluates. */
const every = (name: string): Trigger => ({
  name,
  emails: [ON_CALL],
  evaluate: () => ({ notify: true, because: 'it changed' }),
});

const store = (groups: readonly string[], hoursAgo = 0) =>
  storeEvents(
    pool,
    groups.map((groupId) => errorEvent({ groupId, receivedAt: new Date(Date.now() - hoursAgo * HOUR) })),
  );

const named = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

const notified = () => alertsByTrigger(pool);

/** Makes the last run one of the version before, which kept no progress by trigger. */
const asBefore = () =>
  pool.query(
    `DELETE FROM trigger_progress WHERE run_id = (SELECT max(id) FROM trigger_runs);
     UPDATE trigger_runs SET by_trigger = false WHERE id = (SELECT max(id) FROM trigger_runs)`,
  );

describe('two trigger files on one database', () => {
  it('each evaluate every issue, in whatever order they run', async () => {
    const groups: string[] = [];
    for (let round = 0; round < 10; round += 1) {
      const some = named(`r${round}i`, 10);
      groups.push(...some);
      await store(some.slice(0, 9));
      await runHere(pool, [every('First')]);
      await store(some.slice(9));
      await runHere(pool, [every('Second')]);
    }
    await runHere(pool, [every('First')]);
    expect(await notified()).toEqual({ First: groups, Second: groups });
  });

  it('side by side while one of them changes: the added trigger misses nothing after it began', async () => {
    await store(['old'], 48);
    await runHere(pool, [every('Kept')]);
    const groups: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const some = named(`r${round}i`, 10);
      groups.push(...some);
      await store(some);
      await runHere(pool, round % 3 === 0 ? [every('Kept'), every('Added')] : [every('Kept')]);
    }
    await runHere(pool, [every('Kept'), every('Added')]);
    expect(await notified()).toEqual({ Kept: groups, Added: groups });
  });

  it('count an issue of a run once, and evaluate it with the triggers that it changed for', async () => {
    await runHere(pool, [every('First'), every('Second')]);
    await store(['a', 'b']);
    await runHere(pool, [every('First')]);
    await store(['b', 'c']);
    expect(await runHere(pool, [every('First'), every('Second')])).toMatchObject({ issues: 3, alerts: 5 });
    const alerts = (await outbox(pool)).map(({ trigger, group_id }) => `${trigger} ${group_id}`);
    expect(alerts.slice(0, 2)).toEqual(['First a', 'First b']);
    expect(alerts.slice(2).sort()).toEqual(['First b', 'First c', 'Second a', 'Second b', 'Second c']);
  });

  it('share one pass if their triggers ran together', async () => {
    await runHere(pool, [every('First'), every('Second')]);
    await store(['a']);
    const together = await runHere(pool, [declining('First'), declining('Second')], { dryRun: true });
    await runHere(pool, [declining('Second')]);
    await store(['a']);
    const apart = await runHere(pool, [declining('First'), declining('Second')], { dryRun: true });
    expect(together).toMatchObject({ issues: 1 });
    expect(apart.queries).toBe(together.queries);
  });
});

describe('a trigger that is new to the database', () => {
  const said = async (triggers: readonly Trigger[], sinceMilliseconds?: number) => {
    const lines: string[] = [];
    const destination = { write: (line: string) => lines.push(line) };
    const logger = createLogger({ format: 'compose', level: 'INFO', name: 'test', destination });
    await runHere(pool, triggers, { logger, ...(sinceMilliseconds !== undefined && { sinceMilliseconds }) });
    return lines.filter((line) => line.includes('is new to this database'));
  };

  it('starts with the issues of the last day, in the very first run too, and the log says so once', async () => {
    await store(['old'], 25);
    await store(['young'], 23);
    expect(await said([every('First')])).toEqual([
      expect.stringMatching(/INFO \| a trigger is new .* trigger=First since=20\S+Z/),
    ]);
    expect(await notified()).toEqual({ First: ['young'] });
    expect(await said([every('First'), every('Second')])).toEqual([
      expect.stringContaining('trigger=Second'),
    ]);
    expect(await said([every('First'), every('Second')])).toEqual([]);
    expect(await notified()).toEqual({ First: ['young'], Second: ['young'] });
    // An old clock doesn't matter any more.
    await store(['old', 'late'], 25);
    await runHere(pool, [every('First'), every('Second')]);
    expect(await notified()).toEqual({ First: ['young', 'old', 'late'], Second: ['young', 'old', 'late'] });
  });

  it('starts with the issues of another time, or with none', async () => {
    await store(['old'], 25);
    await store(['young'], 1);
    await said([every('All')], 26 * HOUR);
    await said([every('None')], 0);
    expect(await notified()).toEqual({ All: ['old', 'young'] });
    await store(['old']);
    await runHere(pool, [every('None')]);
    expect((await notified()).None).toEqual(['old']);
  });

  it('starts with the issues of --since, which is checked at the start', async () => {
    await store(['old'], 30);
    const TRIGGERS = await everyEventFile();
    expect(await watchOnce(database, { TRIGGERS }, ['--since', 'soon'])).toMatchObject({
      finished: {
        code: 2,
        stderr: expect.stringMatching(/WATCHER_SINCE +must be a whole number with m, h, d or w/),
      },
    });
    expect((await watchOnce(database, { TRIGGERS }, ['--since', '2d'])).finished.code).toBe(0);
    expect(await notified()).toEqual({ 'Every event': ['old'] });
  });

  it('is not known after a dry run', async () => {
    await store(['a']);
    const before = await contents(pool);
    await runHere(pool, [every('First')], { dryRun: true });
    expect(await contents(pool)).toEqual(before);
  });

  it('evaluates no issue again whose silence was over before', async () => {
    await store(['a'], 48);
    await runHere(pool, [declining('First')]);
    await addSilence(pool, 'a', { ended_at: 'now()' });
    await runHere(pool, [every('New')]);
    expect(await notified()).toEqual({});
    await runHere(pool, [every('First')]);
    expect(await notified()).toEqual({ First: ['a'] });
  });
});

describe('a database of the version before', () => {
  it('goes on after the migration where it was, also after the migration was undone', async () => {
    const logger = createLogger({ format: 'compose', level: 'ERROR', name: 'test' });
    await store(['a', 'b'], 72);
    await runHere(pool, [declining('First')]);
    const connection = { connectionString: database.url };
    const later = `SELECT FROM pgmigrations WHERE name >= '1780000000011'`;
    const undone = await migrate(connection, (await pool.query(later)).rowCount ?? 0, logger);
    expect(undone.at(-1)).toBe('1780000000011_track-trigger-progress');
    await store(['b'], 72);
    await migrate(connection, 0, logger);
    await runHere(pool, [every('First')]);
    expect(await notified()).toEqual({ First: ['b'] });
  });

  it('goes on where its last run ended, with every trigger, and nothing is evaluated again', async () => {
    await store(['a', 'b'], 72);
    await runHere(pool, [declining('First'), declining('Second')]);
    await pool.query(`UPDATE trigger_runs SET ran_at = now() - interval '3 days'`);
    await asBefore();
    await store(['b'], 72);
    await runHere(pool, [every('First'), every('Second')]);
    expect(await notified()).toEqual({ First: ['b'], Second: ['b'] });
    expect(await runHere(pool, [every('First'), every('Second')])).toMatchObject({ issues: 0 });
  });

  it('goes on at the same place for another file, whose watcher is updated later', async () => {
    await store(['a', 'b']);
    await runHere(pool, [declining('First')]);
    await asBefore();
    await runHere(pool, [every('First')]);
    await store(['b']);
    await runHere(pool, [every('First')]);
    await runHere(pool, [every('Second')]);
    expect(await notified()).toEqual({ First: ['b'], Second: ['b'] });
  });

  it('counts a run of its watcher that is still there, for every trigger', async () => {
    await runHere(pool, [every('First')]);
    await store(['a']);
    const { rows } = await pool.query('SELECT run_id, snapshot::text FROM trigger_progress');
    await runHere(pool, [every('First')]);
    await pool.query(
      `UPDATE trigger_runs SET by_trigger = false WHERE id = (SELECT max(id) FROM trigger_runs)`,
    );
    await pool.query('UPDATE trigger_progress SET run_id = $1, snapshot = $2', [
      rows[0].run_id,
      rows[0].snapshot,
    ]);
    await store(['b']);
    await runHere(pool, [every('First')]);
    expect(await notified()).toEqual({ First: ['a', 'b'] });
  });
});

describe('a run', () => {
  const due = async (...names: string[]) =>
    (await millisecondsUntilDue(pool, 300, { names, sinceMilliseconds: 24 * HOUR })) / 1_000;

  it('is due for the trigger that has not run for the longest time, even if other triggers run more often', async () => {
    expect(await due('First')).toBe(0);
    await runHere(pool, [declining('First'), declining('Second')]);
    await pool.query(`UPDATE trigger_progress SET ran_at = ran_at - interval '200 s'`);
    await runHere(pool, [declining('Second')]);
    expect(Math.ceil((await due('First')) / 100)).toBe(1);
    expect(Math.ceil((await due('Second')) / 100)).toBe(3);
    expect(Math.ceil((await due('First', 'Second')) / 100)).toBe(1);
    expect(await due('Second', 'New')).toBe(0);
    await pool.query(`UPDATE trigger_progress SET ran_at = ran_at - interval '1 h' WHERE trigger = 'First'`);
    expect(await due('First', 'Second')).toBeLessThan(-3_000);
  });

  it('without a trigger is due an interval after the last run of any', async () => {
    expect(await due()).toBe(0);
    await runHere(pool, [declining('First')]);
    expect(Math.ceil((await due()) / 100)).toBe(3);
  });

  it('is not delayed for more than an interval by a clock that went backwards', async () => {
    await runHere(pool, [declining('First')]);
    await pool.query(`UPDATE trigger_progress SET ran_at = ran_at + interval '1 day'`);
    expect(await due('First')).toBe(300);
  });

  it('leaves the progress of a trigger that it leaves out, which gets what it missed later', async () => {
    const all = evaluatorHere(
      await loadTriggers([every('Kept'), every('Harms')], 'the test', null, () => true),
    );
    const leaving = {
      ...all,
      triggers: all.triggers.filter(({ name }) => name !== 'Harms'),
      leftOut: all.triggers.filter(({ name }) => name === 'Harms'),
    };
    await runHere(pool, [], { evaluator: all });
    await store(['a']);
    await runHere(pool, [], { evaluator: leaving });
    const since = async () =>
      (await pool.query('SELECT trigger, left_out_since FROM trigger_progress ORDER BY 1')).rows;
    const first = await since();
    expect(first).toEqual([
      { trigger: 'Harms', left_out_since: expect.any(Date) },
      { trigger: 'Kept', left_out_since: null },
    ]);
    await store(['b']);
    await runHere(pool, [], { evaluator: leaving });
    expect(await since()).toEqual(first);
    expect(await notified()).toEqual({ Kept: ['a', 'b'] });
    await runHere(pool, [], { evaluator: all });
    expect(await notified()).toEqual({ Kept: ['a', 'b'], Harms: ['a', 'b'] });
    expect(await since()).toMatchObject([{ left_out_since: null }, { left_out_since: null }]);
    expect(await runs(pool)).toHaveLength(4);
  });
});

describe('a silence that is over', () => {
  it('reaches each trigger that it covered, of every file, once', async () => {
    await store(['a', 'b']);
    await runHere(pool, [declining('First')]);
    await runHere(pool, [declining('Second'), declining('Third')]);
    await addSilence(pool, 'a');
    await addSilence(pool, 'b', { trigger: `'Third'` });
    await runHere(pool, [every('First')]);
    await pool.query('UPDATE silences SET ended_at = now()');
    for (let round = 0; round < 2; round += 1) {
      await runHere(pool, [every('First')]);
      await runHere(pool, [every('First')]);
      await runHere(pool, [every('Second'), every('Third')]);
    }
    expect(await notified()).toEqual({ First: ['a'], Second: ['a'], Third: ['a', 'b'] });
    expect(await silenceRows(pool)).toMatchObject([{ settled: true }, { settled: true }]);
  });

  it('reaches a trigger once whose issue changed as well', async () => {
    await store(['a']);
    await runHere(pool, [declining('First')]);
    await runHere(pool, [declining('Second')]);
    await addSilence(pool, 'a', { ended_at: 'now()' });
    await runHere(pool, [every('First')]);
    await store(['a']);
    await runHere(pool, [every('Second')]);
    await runHere(pool, [every('Second')]);
    expect(await notified()).toEqual({ First: ['a'], Second: ['a'] });
  });
});
