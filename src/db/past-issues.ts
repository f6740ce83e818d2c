import type { Issue } from '../domain/issue.ts';
import type { IssueRow } from './issue-row.ts';
import { toIssue } from './issue-row.ts';
import { issueRows } from './issues.ts';
import type { Db } from './pool.ts';

/** Issues that are kept, a few kB each. Most issues of an hour had events in the hour before as well. */
const MOST_KEPT = 5_000;

/**
 * Reads issues as they were at a time in the past: none was seen after it. Those asked for last are kept in memory.
 * @param schema the schema of our tables, quoted
 */
export function keptIssues(db: Db, schema: string): (ids: readonly string[], at: Date) => Promise<Issue[]> {
  const kept = new Map<string, IssueRow>();
  const keep = (row: IssueRow) => {
    kept.delete(row.id);
    kept.set(row.id, row);
  };
  return async (ids, at) => {
    const found = new Map<string, IssueRow>();
    const missing = ids.filter((id) => {
      const row = kept.get(id);
      if (row !== undefined) found.set(id, row);
      return row === undefined;
    });
    if (missing.length > 0) {
      for (const row of await issueRows(db, missing, `${schema}.issue_activity`)) found.set(row.id, row);
    }
    for (const row of found.values()) keep(row);
    for (const id of kept.keys()) {
      if (kept.size <= MOST_KEPT) break;
      kept.delete(id);
    }
    return ids.flatMap((id) => {
      const row = found.get(id);
      return row === undefined ? [] : [toIssue(row, row.last_seen > at ? at : row.last_seen)];
    });
  };
}
