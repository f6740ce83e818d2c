import type { Issue, StackFrame } from '../domain/issue.ts';
import type { Db } from './pool.ts';

interface IssueRow {
  readonly id: string;
  readonly group_id: string;
  readonly project_id: string;
  readonly message: string;
  readonly module: string;
  readonly stack_frames: readonly StackFrame[];
  readonly first_seen: Date;
  readonly last_seen: Date;
}

const COLUMNS = 'id, group_id, project_id, message, module, stack_frames, first_seen, last_seen';

/** What of the issues a run judges: all, those outside a snapshot, or the same with time as a second witness. */
export type Changed =
  | { readonly since: 'ever' }
  | { readonly since: 'snapshot'; readonly snapshot: string }
  | { readonly since: 'restore'; readonly snapshot: string; readonly ranAt: Date };

/**
 * Streams the changed issues in pages, by id. `changed_in >= xmin` is implied by the visibility check; it is there
 * for the index.
 */
export async function* changedIssues(db: Db, changed: Changed, pageSize: number): AsyncGenerator<Issue[]> {
  const condition = conditionOf(changed);
  await db.query({
    text: `DECLARE changed_issues NO SCROLL CURSOR FOR
           SELECT ${COLUMNS} FROM issues WHERE ${condition.text} ORDER BY id`,
    values: condition.values,
  });
  while (true) {
    const { rows } = await db.query<IssueRow>({ text: `FETCH ${pageSize} FROM changed_issues` });
    if (rows.length > 0) yield rows.map(toIssue);
    if (rows.length < pageSize) return;
  }
}

function conditionOf(changed: Changed): { text: string; values: unknown[] } {
  const outside = 'changed_in >= pg_snapshot_xmin($1) AND NOT pg_visible_in_snapshot(changed_in, $1)';
  switch (changed.since) {
    case 'ever':
      return { text: 'true', values: [] };
    case 'snapshot':
      return { text: outside, values: [changed.snapshot] };
    case 'restore':
      return { text: `(${outside}) OR last_seen >= $2`, values: [changed.snapshot, changed.ranAt] };
  }
}

/** Issues by id, in no order; an id without an issue is left out. */
export async function issuesById(db: Db, ids: readonly string[]): Promise<Issue[]> {
  const { rows } = await db.query<IssueRow>({
    text: `SELECT ${COLUMNS} FROM issues WHERE id = ANY($1::bigint[])`,
    values: [ids],
  });
  return rows.map(toIssue);
}

function toIssue(row: IssueRow): Issue {
  return {
    id: row.id,
    groupId: row.group_id,
    projectId: row.project_id,
    message: row.message,
    module: row.module,
    stackFrames: row.stack_frames,
    firstSeen: row.first_seen,
    lastSeen: row.last_seen,
  };
}
