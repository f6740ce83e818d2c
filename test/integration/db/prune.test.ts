import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../../../src/db/events.ts';
import { prune } from '../../../src/db/prune.ts';
import { databaseStatus } from '../../../src/db/status.ts';
import { NO_TAGS } from '../../../src/domain/tags.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';
import { declining, runHere } from '../../support/run.ts';
import { addSilence } from '../../support/silences.ts';
import { ON_CALL, runs } from '../../support/watcher.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

const never = new AbortController().signal;
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

/** Stores `count` issues, and does a run that decides an alert for each. */
async function notify(count: number): Promise<void> {
  await storeEvents(
    pool,
    Array.from({ length: count }, (_, index) => errorEvent({ groupId: `g${index}` })),
  );
  await runHere(pool, [
    { name: 'Notifies', emails: [ON_CALL], evaluate: () => ({ notify: true, because: 'always' }) },
  ]);
}

describe('pruning', () => {
  it('deletes buckets older than the retention, more than one batch of them, and no other', async () => {
    const old = Array.from({ length: 1_200 }, (_, index) =>
      errorEvent({ groupId: `g${index}`, receivedAt: daysAgo(32) }),
    );
    await storeEvents(pool, [
      ...old,
      errorEvent({ groupId: 'g0', receivedAt: daysAgo(29) }),
      errorEvent({ groupId: 'g0' }),
    ]);
    // The hours of all old events, and of the one from 29 days ago.
    expect(await prune(pool, 30, never)).toBe(1_200 + 1_201);
    expect((await pool.query('SELECT FROM issue_buckets')).rowCount).toBe(2);
    expect((await pool.query('SELECT FROM issue_hours')).rowCount).toBe(1);
    expect((await pool.query('SELECT FROM issues')).rowCount).toBe(1_200);
    expect(await prune(pool, 30, never)).toBe(0);
  });

  it('deletes hours older than eight days, and samples of tags older than the retention', async () => {
    const tags = { ...NO_TAGS, release: '1' };
    const ages = [1, 7, 9, 29, 31];
    await storeEvents(
      pool,
      ages.map((days) => errorEvent({ tags, receivedAt: new Date(Date.now() - days * 86_400_000) })),
    );
    expect(await prune(pool, 30, never)).toBe(3 + 1);
    expect((await pool.query('SELECT FROM issue_hours')).rowCount).toBe(2);
    expect((await pool.query('SELECT FROM issue_tags')).rowCount).toBe(4);
    expect((await pool.query('SELECT FROM issue_buckets')).rowCount).toBe(4);
  });

  it('deletes settled alerts that are old and keeps those that wait, however old', async () => {
    await notify(5);
    await pool.query(`UPDATE alerts SET created_at = now() - interval '31 days'`);
    await pool.query(`UPDATE alerts SET status = 'bounced' WHERE id = 5`);
    await pool.query(`UPDATE alerts SET status = 'sent' WHERE id = 1`);
    await pool.query(`UPDATE alerts SET status = 'failed' WHERE id = 2`);
    await pool.query(`UPDATE alerts SET status = 'sent', created_at = now() WHERE id = 3`);
    expect(await prune(pool, 30, never)).toBe(3);
    const { rows } = await pool.query('SELECT id::int FROM alerts ORDER BY id');
    expect(rows).toEqual([{ id: 3 }, { id: 4 }]);
  });

  it('deletes silences that were settled before the retention, and keeps all others, however old', async () => {
    await storeEvents(pool, [errorEvent({ groupId: 'g' })]);
    const old = `now() - interval '31 days'`;
    const young = `now() - interval '29 days'`;
    await addSilence(pool, 'g', { because: `'old'`, ended_at: old, reevaluated_at: old });
    await addSilence(pool, 'g', { because: `'settled later'`, ended_at: old, reevaluated_at: young });
    await addSilence(pool, 'g', { because: `'never settled'`, until: old, ended_at: old });
    await addSilence(pool, 'g', { because: `'holds'`, created_at: old });
    expect(await prune(pool, 30, never)).toBe(1);
    const { rows } = await pool.query('SELECT because FROM silences ORDER BY id');
    expect(rows.map(({ because }) => because)).toEqual(['settled later', 'never settled', 'holds']);
  });

  it('deletes runs after a week, but never the last one nor one whose alerts are still there', async () => {
    await notify(1);
    for (let run = 0; run < 4; run += 1) await runHere(pool, []);
    await pool.query(`UPDATE trigger_runs SET ran_at = now() - interval '8 days'`);
    expect(await prune(pool, 30, never)).toBe(3);
    const { rows } = await pool.query('SELECT id::int FROM trigger_runs ORDER BY id');
    expect(rows).toEqual([{ id: 1 }, { id: 5 }]);
    expect((await runHere(pool, [])).issues).toBe(0);
    expect(await runs(pool)).toHaveLength(3);
  });

  it('deletes failed evaluations a week after the last attempt, given up or not, and status counts those to retry', async () => {
    await storeEvents(
      pool,
      ['old', 'young', 'retried'].map((groupId) => errorEvent({ groupId })),
    );
    await pool.query(
      `INSERT INTO failed_evaluations (trigger, issue_id, attempts, last_error, last_attempt_at)
       SELECT 'Throws', id, CASE group_id WHEN 'retried' THEN 9 ELSE 10 END, 'boom',
              now() - CASE group_id WHEN 'old' THEN 8 ELSE 6 END * interval '1 day' FROM issues`,
    );
    await pool.query(
      `INSERT INTO failed_evaluations SELECT 'Gone', id, 1, 'boom', now() - interval '8 days' FROM issues LIMIT 1`,
    );
    expect((await databaseStatus(pool)).failedEvaluations).toBe(2);
    expect(await prune(pool, 30, never)).toBe(2);
    const { rows } = await pool.query(
      'SELECT group_id FROM failed_evaluations JOIN issues ON id = issue_id ORDER BY 1',
    );
    expect(rows).toEqual([{ group_id: 'retried' }, { group_id: 'young' }]);
  });

  it('deletes the progress of triggers that nobody has run for the retention', async () => {
    await runHere(pool, [declining('Old'), declining('Young')]);
    await pool.query(
      `UPDATE trigger_progress SET ran_at = now() - CASE trigger WHEN 'Old' THEN 31 ELSE 29 END * interval '1 day'`,
    );
    expect(await prune(pool, 30, never)).toBe(1);
    expect((await pool.query('SELECT trigger FROM trigger_progress')).rows).toEqual([{ trigger: 'Young' }]);
  });

  it('ends between two batches when a signal asks for it', async () => {
    await storeEvents(pool, [errorEvent({ receivedAt: daysAgo(40) })]);
    expect(await prune(pool, 30, AbortSignal.abort())).toBe(0);
    expect((await pool.query('SELECT FROM issue_buckets')).rowCount).toBe(1);
  });
});
