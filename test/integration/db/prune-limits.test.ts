import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../../../src/db/events.ts';
import type { Db } from '../../../src/db/pool.ts';
import { prune } from '../../../src/db/prune.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';

const { pool } = await createDatabase();
const forever = new AbortController().signal;
const EMPTY = 'hll_empty(11,5,-1,1)';

beforeEach(async () => {
  await emptyTables(pool);
  await pool.query(`
    INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
    SELECT 'g' || n, '7', 'm', 'x', '[]', now() - interval '1 year', now() - interval '1 year', '3'
    FROM generate_series(1, 3) AS n;
    INSERT INTO recipients (email) VALUES ('oncall@example.com')`);
});

async function addBuckets(issue: number, fromDaysAgo: number, toDaysAgo: number): Promise<void> {
  await pool.query(
    `INSERT INTO issue_buckets
     SELECT $1, (now() AT TIME ZONE 'UTC')::date - n, ${EMPTY}, ${EMPTY} FROM generate_series($2::int, $3::int) AS n`,
    [issue, toDaysAgo, fromDaysAgo],
  );
}

async function addRun(daysAgo: number, finished = true): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO trigger_runs (ran_at, finished_at, snapshot)
     SELECT now() - $1 * interval '1 day', CASE WHEN $2 THEN now() END, pg_current_snapshot() RETURNING id`,
    [daysAgo, finished],
  );
  return rows[0]?.id ?? '';
}

async function values(sql: string): Promise<unknown[]> {
  const { rows } = await pool.query({ text: sql, rowMode: 'array' });
  return rows.map(([value]) => value);
}

describe('the limits of pruning', () => {
  it('deletes buckets older than the retention, and leaves the issue with its day at the edge', async () => {
    await addBuckets(1, 100, 80);
    expect(await prune(pool, 90, forever)).toBe(10);
    const ages = await values(`SELECT (now() AT TIME ZONE 'UTC')::date - date FROM issue_buckets ORDER BY 1`);
    expect(ages).toEqual([80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90]);
    expect(await values('SELECT count(*)::int FROM issues')).toEqual([3]);
  });

  it('keeps the last finished run however old it is: the next one counts from its snapshot', async () => {
    await addRun(30);
    const last = await addRun(20);
    await addRun(10, false);
    await prune(pool, 90, forever);
    expect(await values('SELECT id::text FROM trigger_runs')).toEqual([last]);
  });

  it('keeps the notified recipients of each issue: an old issue that comes back is still known', async () => {
    await pool.query(`INSERT INTO recipient_issues VALUES (1, 1, now() - interval '300 days')`);
    await prune(pool, 90, forever);
    expect(await values('SELECT issue_id::int FROM recipient_issues')).toEqual([1]);
  });

  it('deletes a thousand rows at a time, and stops between two statements at the signal', async () => {
    await addBuckets(1, 3_000, 500);
    const deleted: number[] = [];
    const stop = new AbortController();
    const counting: Db = {
      async query(query) {
        const result = await pool.query(query);
        deleted.push(result.rowCount ?? 0);
        if (deleted.length === 2) stop.abort();
        return result;
      },
    };
    expect(await prune(counting, 90, stop.signal)).toBe(2_000);
    expect(deleted).toEqual([1_000, 1_000]);
    expect(await prune(pool, 90, forever)).toBe(501);
  });

  it('waits for nobody, and nobody waits for it', async () => {
    await addBuckets(1, 100, 100);
    await addBuckets(2, 100, 100);
    const processor = await pool.connect();
    const pruner = await pool.connect();
    try {
      await processor.query('BEGIN');
      await processor.query('SELECT FROM issue_buckets WHERE issue_id = 1 FOR UPDATE');
      await pruner.query(`SET lock_timeout = '1ms'`);
      expect(await prune(pruner, 90, forever)).toBe(1);
      expect(await values('SELECT issue_id::int FROM issue_buckets')).toEqual([1]);
      await processor.query('COMMIT');

      // The other way round: a batch that is being deleted, and an event of one of its issues today.
      await pruner.query('BEGIN');
      expect(await prune(pruner, 90, forever)).toBe(1);
      await processor.query(`SET lock_timeout = '1ms'`);
      await storeEvents(processor, [errorEvent({ groupId: 'g1' })]);
      await pruner.query('COMMIT');
      expect(await values('SELECT issue_id::int FROM issue_buckets')).toEqual([1]);
    } finally {
      processor.release(true);
      pruner.release(true);
    }
  });
});
