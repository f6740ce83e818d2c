import type { Issue, StackFrame } from '../domain/issue.ts';
import { CANARY_ISSUES } from './canaries.ts';
import type { Db } from './pool.ts';
import { NATIVE } from './restore.ts';

/** An issue as it is stored. */
export interface IssueRow {
  readonly id: string;
  readonly group_id: string;
  readonly project_id: string;
  readonly message: string;
  readonly log_message: string;
  readonly module: string;
  readonly stack_frames: string;
  readonly first_seen: Date;
  readonly last_seen: Date;
  readonly first_release: string | null;
  readonly environment: string | null;
}

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

/**
 * Streams the issues that meet at least one of the conditions in pages, by id. Each page is divided by the conditions
 * that the issues meet. The cursor holds ids alone, which sort in memory; of whole issues a million would be sorted on
 * disk. It reads all of issue_activity: no index on what changes with every event. The issues of canaries
 * are left out.
 */
export async function* changedIssues(
  db: Db,
  conditions: readonly Changed[],
  pageSize: number,
): AsyncGenerator<ChangedIssues[]> {
  if (conditions.length === 0) return;
  const tests = conditions.map((changed, place) => `(${conditionOf(changed, `$${place + 1}`)})`);
  const places = tests.map((test, place) => `CASE WHEN ${test} THEN ${place} END`);
  const meets = tests.length === 1 ? `'0'` : `concat_ws(' ', ${places.join(', ')})`;
  await db.query({
    text: `DECLARE changed_issues NO SCROLL CURSOR FOR
           SELECT issue_id AS id, ${meets} AS meets FROM issue_activity
           WHERE (${tests.join(' OR ')}) AND issue_id NOT IN (${CANARY_ISSUES}) ORDER BY issue_id`,
    values: conditions.map(limitOf),
  });
  while (true) {
    const { rows } = await db.query<{ id: string; meets: string }>({
      text: `FETCH ${pageSize} FROM changed_issues`,
    });
    if (rows.length > 0) yield await divided(db, rows);
    if (rows.length < pageSize) return;
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
    text: `${ISSUES(activity)} WHERE issues.id = ANY($1::bigint[]) ORDER BY issues.id`,
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

/**
 * Issues in the form in which they are sent to the process that evaluates them: by column. Objects take several times
 * as long. The stacks are JSON, which few triggers read.
 */
export type SentIssues = { readonly [Column in keyof IssueRow]: readonly IssueRow[Column][] };

const rowOf = new WeakMap<Issue, IssueRow>();

/** @throws if an issue was not read from the database */
export function toSent(issues: readonly Issue[]): SentIssues {
  const rows = issues.map((issue) => {
    const row = rowOf.get(issue);
    if (row === undefined) throw new Error('the issue was not read from the database');
    return row;
  });
  const column = <Column extends keyof IssueRow>(name: Column) => rows.map((row) => row[name]);
  return {
    id: column('id'),
    group_id: column('group_id'),
    project_id: column('project_id'),
    message: column('message'),
    log_message: column('log_message'),
    module: column('module'),
    stack_frames: column('stack_frames'),
    first_seen: column('first_seen'),
    last_seen: column('last_seen'),
    first_release: column('first_release'),
    environment: column('environment'),
  };
}

export function fromSent(columns: SentIssues): Issue[] {
  const at = <Column extends keyof IssueRow>(name: Column, place: number) =>
    columns[name][place] as IssueRow[Column];
  return columns.id.map((id, place) =>
    toIssue({
      id,
      group_id: at('group_id', place),
      project_id: at('project_id', place),
      message: at('message', place),
      log_message: at('log_message', place),
      module: at('module', place),
      stack_frames: at('stack_frames', place),
      first_seen: at('first_seen', place),
      last_seen: at('last_seen', place),
      first_release: at('first_release', place),
      environment: at('environment', place),
    }),
  );
}

const framesOf = new WeakMap<IssueRow, readonly StackFrame[]>();

/** Read when asked for: most evaluations never look, and it is the largest part of an issue by far. */
function stackFramesOf(row: IssueRow): readonly StackFrame[] {
  const known = framesOf.get(row);
  if (known !== undefined) return known;
  const frames = Object.freeze(
    (JSON.parse(row.stack_frames) as StackFrame[]).map((frame) => Object.freeze(frame)),
  );
  framesOf.set(row, frames);
  return frames;
}

/** Frozen, and with dates of its own for each reader: all triggers are handed the same issue. */
export function toIssue(row: IssueRow, lastSeen = row.last_seen): Issue {
  const issue: Issue = Object.freeze({
    id: row.id,
    groupId: row.group_id,
    projectId: row.project_id,
    firstRelease: row.first_release,
    environment: row.environment,
    message: row.message,
    logMessage: row.log_message,
    module: row.module,
    get stackFrames() {
      return stackFramesOf(row);
    },
    get firstSeen() {
      return new Date(row.first_seen);
    },
    get lastSeen() {
      return new Date(lastSeen);
    },
  });
  rowOf.set(issue, lastSeen === row.last_seen ? row : { ...row, last_seen: lastSeen });
  return issue;
}
