import type { Issue, StackFrame } from '../domain/issue.ts';

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
