import type { Counts, RankedIssue } from '../domain/issue.ts';
import { issuesById } from './issues.ts';
import type { Db } from './pool.ts';

interface CountsRow {
  readonly issue_id: string;
  readonly events: number;
  readonly users: number;
}

/** Each issue's counts over the buckets of `date >= since`; an issue without such a bucket counts nothing. */
export async function countsOf(
  db: Db,
  issueIds: readonly string[],
  since: string,
): Promise<Map<string, Counts>> {
  const { rows } = await db.query<CountsRow>({
    text: `SELECT
             issue_id,
             hll_cardinality(hll_union_agg(event_set)) AS events,
             hll_cardinality(hll_union_agg(user_set)) AS users
           FROM issue_buckets
           WHERE issue_id = ANY($1::bigint[]) AND date >= $2::date
           GROUP BY issue_id`,
    values: [issueIds, since],
  });
  const counts = new Map<string, Counts>(issueIds.map((id) => [id, { events: 0, users: 0 }]));
  for (const row of rows)
    counts.set(row.issue_id, { events: Math.round(row.events), users: Math.round(row.users) });
  return counts;
}

export interface TopQuery {
  readonly since: string;
  readonly limit: number;
  readonly by: 'events' | 'users';
  /** Prefixes of modules. */
  readonly excludeModules: readonly string[];
}

/** The issues with the highest counts, ties by the older id. */
export async function topIssues(db: Db, query: TopQuery): Promise<RankedIssue[]> {
  const { rows } = await db.query<CountsRow>({
    text: `SELECT
             issue_id,
             hll_cardinality(hll_union_agg(event_set)) AS events,
             hll_cardinality(hll_union_agg(user_set)) AS users
           FROM issue_buckets
           JOIN issues ON issues.id = issue_buckets.issue_id
           WHERE date >= $1::date
             AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS excluded (prefix) WHERE starts_with(module, prefix))
           GROUP BY issue_id
           ORDER BY ${query.by} DESC, issue_id
           LIMIT $3`,
    values: [query.since, query.excludeModules, query.limit],
  });
  const issues = await issuesById(
    db,
    rows.map((row) => row.issue_id),
  );
  const byId = new Map(issues.map((issue) => [issue.id, issue]));
  return rows.flatMap((row, index) => {
    const issue = byId.get(row.issue_id);
    const counts = { events: Math.round(row.events), users: Math.round(row.users) };
    return issue === undefined ? [] : [{ issue, rank: index + 1, ...counts }];
  });
}
