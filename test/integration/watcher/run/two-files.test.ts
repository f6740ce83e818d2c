import { beforeEach, describe, expect, it } from 'vitest';
import { isEmail } from '../../../../src/config/mailbox.ts';
import { storeEvents } from '../../../../src/db/events.ts';
import { millisecondsUntilDue } from '../../../../src/db/progress.ts';
import { prune } from '../../../../src/db/prune.ts';
import { databaseStatus } from '../../../../src/db/status.ts';
import { DAY } from '../../../../src/domain/time.ts';
import type { Trigger } from '../../../../src/domain/trigger.ts';
import { createLogger } from '../../../../src/runtime/logger.ts';
import { evaluatorHere } from '../../../../src/watcher/evaluator/here.ts';
import { loadTriggers } from '../../../../src/watcher/triggers/load.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { runHere } from '../../../support/run.ts';
import { addSilence } from '../../../support/silences.ts';
import { ON_CALL, outbox } from '../../../support/watcher.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

const SINCE = { sinceMilliseconds: DAY };

/** Notifies of every issue that a run evaluates. */
const every = (name: string): Trigger => ({
  name,
  emails: [ON_CALL],
  evaluate: () => ({ notify: true, because: 'it changed' }),
});
const OURS = every('Ours');
const THEIRS = every('Theirs');
const ADDED = every('Added');

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `g${from + index}`);
const happen = (groups: readonly string[], receivedAt = new Date()) =>
  storeEvents(
    pool,
    groups.map((groupId) => errorEvent({ groupId, receivedAt })),
  );
/** The issues of a trigger's alerts, in the order of the alerts. */
async function notified(trigger: string): Promise<string[]> {
  return (await outbox(pool)).filter((row) => row.trigger === trigger).map(({ group_id }) => group_id);
}

describe('two trigger files on one database', () => {
  it('each evaluate every issue, once', async () => {
    for (let round = 0; round < 10; round += 1) {
      await happen(numbered(round * 10, round * 10 + 10));
      await runHere(pool, [round % 3 === 0 ? THEIRS : OURS]);
    }
    await runHere(pool, [OURS]);
    await runHere(pool, [THEIRS]);
    const all = numbered(0, 100).sort();
    expect((await notified('Ours')).sort()).toEqual(all);
    expect((await notified('Theirs')).sort()).toEqual(all);
  });

  it('retry their own failures, and leave those of the other file alone', async () => {
    let broken = true;
    const fails: Trigger = {
      ...OURS,
      evaluate: () => {
        if (broken) throw new Error('boom');
        return { notify: true, because: 'it works' };
      },
    };
    await happen(['a']);
    expect((await runHere(pool, [fails])).failures).toBe(1);
    expect((await runHere(pool, [THEIRS])).failures).toBe(0);
    broken = false;
    await runHere(pool, [fails]);
    expect(await notified('Ours')).toEqual(['a']);
    expect(await notified('Theirs')).toEqual(['a']);
  });

  it('each evaluate an issue again whose silence is over, once', async () => {
    await happen(['a']);
    await addSilence(pool, 'a');
    await runHere(pool, [OURS]);
    await runHere(pool, [THEIRS]);
    expect(await outbox(pool)).toEqual([]);
    await pool.query('UPDATE silences SET ended_at = now()');
    for (const file of [[OURS], [OURS], [THEIRS], [THEIRS], [OURS]]) await runHere(pool, file);
    expect([await notified('Ours'), await notified('Theirs')]).toEqual([['a'], ['a']]);
  });

  it('don’t evaluate it again if its event came first', async () => {
    await happen(['a']);
    await addSilence(pool, 'a');
    await runHere(pool, [OURS, THEIRS]);
    await pool.query('UPDATE silences SET ended_at = now()');
    await runHere(pool, [OURS]);
    await happen(['a']);
    for (const file of [[THEIRS], [OURS], [THEIRS]]) await runHere(pool, file);
    expect([await notified('Ours'), await notified('Theirs')]).toEqual([['a', 'a'], ['a']]);
  });

  it('have runs that are due by their own triggers', async () => {
    const dueIn = (...names: string[]) => millisecondsUntilDue(pool, 300, { names, ...SINCE });
    await happen(['a']);
    expect(await dueIn('Ours')).toBe(0);
    await runHere(pool, [OURS]);
    await pool.query(`UPDATE trigger_progress SET ran_at = ran_at - interval '400 s'`);
    expect(await dueIn('Ours')).toBeLessThan(0);
    await runHere(pool, [THEIRS]);
    expect(await dueIn('Ours')).toBeLessThan(0);
    expect(await dueIn('Theirs')).toBeGreaterThan(0);
    expect(await dueIn('Ours', 'Theirs')).toBeLessThan(0);
    expect(await dueIn('Theirs', 'Added')).toBe(0);
  });
});

describe('a trigger file that is changed while old and new watchers run', () => {
  it('has no trigger that misses an issue or evaluates it twice', async () => {
    await happen(numbered(0, 10));
    await runHere(pool, [OURS], SINCE);
    for (let round = 1; round < 6; round += 1) {
      await happen(numbered(round * 10, round * 10 + 10));
      await runHere(pool, round % 2 === 0 ? [OURS, ADDED] : [OURS], SINCE);
    }
    await runHere(pool, [OURS, ADDED], SINCE);
    const all = numbered(0, 60).sort();
    expect((await notified('Ours')).sort()).toEqual(all);
    expect((await notified('Added')).sort()).toEqual(all);
  });

  it('takes one pass for triggers that ran together, however many there are', async () => {
    await runHere(pool, [OURS, THEIRS]);
    await happen(numbered(0, 20));
    const together = await runHere(pool, [OURS, THEIRS]);
    await runHere(pool, [OURS]);
    await happen(numbered(20, 40));
    await runHere(pool, [THEIRS]);
    const apart = await runHere(pool, [OURS, THEIRS]);
    expect([together.issues, apart.issues]).toEqual([20, 20]);
    expect((await notified('Theirs')).length).toBe(40);
    expect(together.queries).toBeGreaterThan(apart.queries - 10);
  });
});

describe('a trigger that is new to a database', () => {
  it('starts with the issues of the last day, and says so', async () => {
    await happen(['old'], new Date(Date.now() - 2 * DAY));
    await happen(['new']);
    const lines: string[] = [];
    const destination = { write: (line: string) => lines.push(line) };
    const logger = createLogger({ format: 'mozlog', level: 'INFO', name: 'test', destination });
    await runHere(pool, [OURS], { ...SINCE, logger });
    expect(await notified('Ours')).toEqual(['new']);
    const fields = lines.map((line) => JSON.parse(line).Fields);
    expect(fields.filter(({ msg }) => String(msg).startsWith('a trigger is new to this database'))).toEqual([
      { msg: expect.any(String), trigger: 'Ours', since: expect.stringMatching(/^\d{4}-/) },
    ]);
    await runHere(pool, [OURS], { ...SINCE, logger });
    expect(lines.filter((line) => line.includes('is new to this database'))).toHaveLength(1);
  });

  it('starts where the version before ended, if that kept no progress by trigger', async () => {
    await happen(['a']);
    await runHere(pool, [OURS]);
    await pool.query('DELETE FROM trigger_progress; UPDATE trigger_runs SET by_trigger = false');
    await pool.query(`UPDATE trigger_runs SET ran_at = ran_at - interval '9 days'`);
    await happen(['b']);
    await runHere(pool, [OURS, THEIRS], SINCE);
    expect(await notified('Ours')).toEqual(['a', 'b']);
    expect(await notified('Theirs')).toEqual(['b']);
  });

  it('is one that nobody has run for longer than the retention', async () => {
    await runHere(pool, [OURS]);
    await runHere(pool, [THEIRS]);
    await pool.query(
      `UPDATE trigger_progress SET ran_at = now() - interval '91 days' WHERE trigger = 'Ours'`,
    );
    await prune(pool, 90, new AbortController().signal);
    expect((await databaseStatus(pool)).triggers.map(({ name }) => name)).toEqual(['Theirs']);
  });
});

describe('a trigger that a watcher leaves out', () => {
  it('keeps its progress, is named, and evaluates what it missed after the next start', async () => {
    await happen(['a']);
    await runHere(pool, [OURS, THEIRS]);
    await happen(['b']);
    const evaluator = {
      ...evaluatorHere(await loadTriggers([THEIRS], 'the test', null, isEmail)),
      leftOut: [{ name: 'Ours', emails: [ON_CALL] }],
    };
    await runHere(pool, [], { evaluator });
    await runHere(pool, [], { evaluator });
    expect(await notified('Ours')).toEqual(['a']);
    const states = async () =>
      (await databaseStatus(pool)).triggers.map(({ name, leftOutSince }) => [name, leftOutSince !== null]);
    expect(await states()).toEqual([
      ['Ours', true],
      ['Theirs', false],
    ]);
    await runHere(pool, [OURS, THEIRS]);
    expect(await notified('Ours')).toEqual(['a', 'b']);
    expect(await notified('Theirs')).toEqual(['a', 'b']);
    expect((await states()).map(([, isOut]) => isOut)).toEqual([false, false]);
  });
});
