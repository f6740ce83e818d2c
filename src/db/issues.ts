import type { Issue } from '../domain/issue.ts';
import { CANARY_ISSUES } from './canaries.ts';
import type { IssueRow } from './issue-row.ts';
import { toIssue } from './issue-row.ts';
import type { Db } from './pool.ts';
import { NATIVE } from './restore.ts';
import type { Transaction } from './transaction.ts';

const ISSUES = (activity = 'issue_activity') => `
  SELECT issues.id, group_id, project_id, message, log_message, module, stack_frames::text AS stack_frames, first_seen,
         activity.last_seen, first_release, environment
  FROM issues JOIN ${activity} AS activity ON activity.issue_id = issues.id`;

/**
 * The issues that have changed for a trigger. `snapshot`: those outside of the snapshot of its last run. `restore`: the
 * same after a restore. `time`: those that were last seen since then, because the trigger is new to the database.
 */
export type Changed =
  | { readonly since: 'snapshot'; readonly snapshot: string }
  | { readonly since: 'restore'; readonly snapshot: string }
  | { readonly since: 'time'; readonly time: Date };

/** Changed issues, and the places of those conditions that they meet. */
export interface ChangedIssues {
  readonly issues: readonly Issue[];
  readonly meets: readonly number[];
}

interface ReadPage {
  readonly page: ChangedIssues[];
  readonly isLast: boolean;
}

/**
 * Streams the issues that meet at least one of the conditions in pages, by id. Each page is divided by the conditions
 * that the issues meet. The cursor holds ids alone, which sort in memory; of whole issues a million would be sorted on
 * disk. It reads all of issue_activity: no index on what changes with every event. The issues of canaries are left out.
 * The next page is read while the caller works on a page. If that fails, it throws only when the caller asks for that page.
 */
export async function* changedIssues(
  tx: Transaction,
  conditions: readonly Changed[],
  pageSize: number,
): AsyncGenerator<ChangedIssues[]> {
  if (conditions.length === 0) return;
  const tests = conditions.map((changed, place) => `(${conditionOf(changed, `$${place + 1}`)})`);
  const places = tests.map((test, place) => `CASE WHEN ${test} THEN ${place} END`);
  const meets = tests.length === 1 ? `'0'` : `concat_ws(' ', ${places.join(', ')})`;
  await tx.query({
    text: `DECLARE changed_issues NO SCROLL CURSOR FOR
           SELECT issue_id AS id, ${meets} AS meets FROM issue_activity
           WHERE (${tests.join(' OR ')}) AND issue_id NOT IN (${CANARY_ISSUES}) ORDER BY issue_id`,
    values: conditions.map(limitOf),
  });
  const read = (): Promise<ReadPage> =>
    tx.attempt(async (db) => {
      const { rows } = await db.query<{ id: string; meets: string }>({
        text: `FETCH ${pageSize} FROM changed_issues`,
      });
      const page = rows.length === 0 ? [] : await divided(db, rows);
      return { page, isLast: rows.length < pageSize };
    });
  let next: Promise<ReadPage> | null = read();
  while (next !== null) {
    const { page, isLast }: ReadPage = await next;
    next = isLast ? null : read();
    // Without this, the error would end the process while the caller still works on this page.
    next?.catch(() => {});
    if (page.length > 0) yield page;
  }
}

async function divided(
  db: Db,
  rows: readonly { readonly id: string; readonly meets: string }[],
): Promise<ChangedIssues[]> {
  const issues = await issuesById(
    db,
    rows.map(({ id }) => id),
  );
  const meets = new Map(rows.map((row) => [row.id, row.meets]));
  const parts = Map.groupBy(issues, ({ id }) => meets.get(id) ?? '');
  return [...parts].map(([places, part]) => ({ issues: part, meets: places.split(' ').map(Number) }));
}

function conditionOf({ since }: Changed, value: string): string {
  const outside = `NOT pg_visible_in_snapshot(changed_in, ${value}::pg_snapshot)`;
  switch (since) {
    case 'time':
      return `last_seen >= ${value}::timestamptz`;
    case 'snapshot':
      return outside;
    case 'restore':
      // Changes before the restore are found by their old numbers, changes after it by where the row was written.
      return `${outside} OR ${NATIVE}`;
  }
}

function limitOf(changed: Changed): string {
  return changed.since === 'time' ? changed.time.toISOString() : changed.snapshot;
}

/** Issues in the order of their ids; an id without an issue is left out. */
export async function issuesById(db: Db, ids: readonly string[]): Promise<Issue[]> {
  return (await issueRows(db, ids)).map((row) => toIssue(row));
}

/** @param activity the table that says when issues were last seen */
export async function issueRows(db: Db, ids: readonly string[], activity?: string): Promise<IssueRow[]> {
  const { rows } = await db.query<IssueRow>({
    // The second condition says nothing new. Without it, Postgres may read all of issue_activity for each page.
    text: `${ISSUES(activity)}
           WHERE issues.id = ANY($1::bigint[]) AND activity.issue_id = ANY($1::bigint[]) ORDER BY issues.id`,
    values: [ids],
  });
  return rows;
}

/** The issue with Sentry's id; null if it is not stored. */
export async function issueByGroupId(db: Db, groupId: string): Promise<Issue | null> {
  const { rows } = await db.query<IssueRow>({ text: `${ISSUES()} WHERE group_id = $1`, values: [groupId] });
  const [row] = rows;
  return row === undefined ? null : toIssue(row);
}

/** Whether the issue has changed. */
export async function hasChanged(db: Db, changed: Changed, issueId: string): Promise<boolean> {
  const { rows } = await db.query<{ changed: boolean }>({
    text: `SELECT EXISTS (
             SELECT FROM issue_activity WHERE issue_id = $2 AND (${conditionOf(changed, '$1')})
                                          AND issue_id NOT IN (${CANARY_ISSUES})
           ) AS changed`,
    values: [limitOf(changed), issueId],
  });
  return rows[0]?.changed === true;
}
