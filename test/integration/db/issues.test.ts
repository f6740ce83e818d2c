import { beforeAll, describe, expect, it } from 'vitest';
import type { Changed } from '../../../src/db/issues.ts';
import { changedIssues, issuesById } from '../../../src/db/issues.ts';
import type { Transaction } from '../../../src/db/transaction.ts';
import { inReadOnlyTransaction } from '../../../src/db/transaction.ts';
import { createDatabase } from '../../support/database.ts';
import { explaining } from '../../support/plan.ts';

const { pool } = await createDatabase();
const STORED = 20_000;
const ALL: readonly Changed[] = [{ since: 'time', time: new Date(0) }];

beforeAll(async () => {
  await pool.query(
    `WITH issue AS (
       INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen)
       SELECT 'g' || n, '1', 'm', 'app', '[]', now(), now() FROM generate_series(1, ${STORED}) AS n RETURNING id
     )
     INSERT INTO issue_activity (issue_id, last_seen, changed_in) SELECT id, now(), pg_current_xact_id() FROM issue`,
  );
  await pool.query('ANALYZE issues, issue_activity');
});

describe('the issues of a page', () => {
  it('are read by their keys, and not from the whole table', async () => {
    const { db, plan } = explaining(pool);
    const ids = Array.from({ length: 500 }, (_, index) => String(index + 1));
    expect(await issuesById(db, ids)).toHaveLength(500);
    expect(plan()).not.toContain('Seq Scan');
  });
});

describe('reading the changed issues', () => {
  it('returns each issue once, in pages', async () => {
    const pages = await inReadOnlyTransaction(pool, 'reading', async (tx) => {
      const read: string[][] = [];
      for await (const page of changedIssues(tx, ALL, 3_000))
        read.push(page.flatMap(({ issues }) => issues.map((issue) => issue.id)));
      return read;
    });
    expect(pages.map(({ length }) => length)).toEqual([3_000, 3_000, 3_000, 3_000, 3_000, 3_000, 2_000]);
    expect(pages.flat()).toEqual(Array.from({ length: STORED }, (_, index) => String(index + 1)));
  });

  it('of the next page may fail without an effect on the work on this page', async () => {
    const answers: unknown[] = [];
    const reading = inReadOnlyTransaction(pool, 'reading', async (tx) => {
      for await (const page of changedIssues(failingAt(2, tx), ALL, 3_000)) {
        const { rows } = await tx.query({ text: `SELECT 'page ' || $1 AS of`, values: [page.length] });
        answers.push(...rows);
      }
    });
    await expect(reading).rejects.toThrow('division by zero');
    expect(answers).toEqual([{ of: 'page 1' }]);
  });
});

/** Postgres refuses a statement of that attempt. */
function failingAt(attempt: number, tx: Transaction): Transaction {
  let attempts = 0;
  return {
    ...tx,
    attempt: (work) =>
      tx.attempt(async (db) => {
        attempts += 1;
        if (attempts === attempt) await db.query({ text: 'SELECT 1 / 0' });
        return await work(db);
      }),
  };
}
