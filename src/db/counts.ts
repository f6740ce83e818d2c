import type { Counts, Issue, RankedIssue } from '../domain/issue.ts';
import type { Buckets } from './buckets.ts';
import { columnsOf, isHourOf } from './buckets.ts';
import { KNOWN_CANARY_ISSUES } from './canaries.ts';
import { usersWithin } from './cardinality.ts';
import { issuesById } from './issues.ts';
import type { Db } from './pool.ts';

export interface CountsRow {
  readonly issue_id: string;
  readonly events: number;
  readonly users: number;
}

/**
 * Each issue's counts over the buckets of a window; an issue without such a bucket counts nothing. One issue
 * after the other: a union's state is 131 kB, and grouping could hold one for each issue at a time.
 */
export async function countsOf(
  db: Db,
  issueIds: readonly string[],
  buckets: Buckets,
): Promise<Map<string, Counts>> {
  const { rows } = await db.query<CountsRow>({
    text: `SELECT asked.issue_id, coalesce(events, 0) AS events, coalesce(users, 0) AS users
           FROM unnest($1::bigint[]) AS asked (issue_id) ${unionsOf(bucketsSince('$2', 'asked.issue_id', buckets.unit))}`,
    values: [issueIds, buckets.since],
  });
  return new Map(rows.map((row) => [row.issue_id, rounded(row)]));
}

export interface TopQuery {
  readonly since: string;
  readonly limit: number;
  readonly by: 'events' | 'users';
  /** Prefixes of modules. */
  readonly excludeModules: readonly string[];
}

/**
 * A union is estimated again, so it can come out above the sum of its days' estimates. By 25 %: ten standard errors.
 */
const SLACK = 1.25;

/** The column that a ranking counts. */
function countedSet({ by }: Pick<TopQuery, 'by'>): 'event_set' | 'user_set' {
  return by === 'events' ? 'event_set' : 'user_set';
}

/**
 * The issues with the highest counts, ties by the older id. Unions are expensive, and sums of daily counts are cheap.
 * No union exceeds its sum. The unions of the `limit` highest sums give the count that is needed to rank. Only issues
 * whose sum could reach it are counted by union. OFFSET 0 keeps the planner from reading all of `issues` for the modules
 * of a few.
 */
export async function topIssues(db: Db, query: TopQuery): Promise<RankedIssue[]> {
  const daily = `SELECT issue_id, hll_cardinality(${countedSet(query)}) AS most FROM issue_buckets WHERE date >= $1::date`;
  const { rows } = await db.query<CountsRow>({
    text: `WITH ${candidates(query, daily, 'sum(most)')}
           SELECT candidate.issue_id, events, users FROM candidate ${unionsOf(bucketsSince('$1', 'candidate.issue_id'))}
           ORDER BY ${query.by} DESC, issue_id LIMIT $3`,
    values: [query.since, query.excludeModules, query.limit],
  });
  return await rankedIssues(rows, (ids) => issuesById(db, ids));
}

/** The issues of a ranking's rows, the first one with rank 1. @param issuesOf reads issues by our ids, in any order */
export async function rankedIssues(
  rows: readonly CountsRow[],
  issuesOf: (ids: readonly string[]) => Promise<readonly Issue[]>,
): Promise<RankedIssue[]> {
  const issues = await issuesOf(rows.map((row) => row.issue_id));
  const byId = new Map(issues.map((issue) => [issue.id, issue]));
  return rows.flatMap((row, index) => {
    const issue = byId.get(row.issue_id);
    return issue === undefined ? [] : [{ issue, rank: index + 1, ...rounded(row) }];
  });
}

/**
 * Our ids of the issues that may rank at some time of a day, from now on to its end. Counts only grow until then. So the
 * count that is needed to rank now is needed later, too.
 * @param schema the schema of our tables, quoted
 */
export async function rankableIssues(
  db: Db,
  query: TopQuery,
  schema: string,
  day: string,
): Promise<string[]> {
  const set = countedSet(query);
  const daily = `
    SELECT issue_id, hll_cardinality(${set}) AS most, false AS is_today FROM ${schema}.issue_buckets WHERE date >= $1::date AND date < $4::date
    UNION ALL
    SELECT issue_id, hll_cardinality(${set}), true FROM ${schema}.issue_hours
    WHERE ${isHourOf('$4')}`;
  const { rows } = await db.query<Pick<CountsRow, 'issue_id'>>({
    text: `WITH ${candidates(query, daily, 'coalesce(sum(most) FILTER (WHERE NOT is_today), 0)')} SELECT issue_id FROM candidate`,
    values: [query.since, query.excludeModules, query.limit, day],
  });
  return rows.map((row) => row.issue_id);
}

/**
 * The common table expressions of a ranking. The last one has the issues that can rank.
 * @param daily rows with an `issue_id` and `most`, a count of one day or hour
 * @param soFar the sum of an issue's rows by which the first `limit` issues are chosen
 */
function candidates({ by }: TopQuery, daily: string, soFar: string): string {
  return `
    bound AS MATERIALIZED (
      SELECT issue_id, sum(most) AS most, ${soFar} AS so_far FROM (${daily}) AS counted
      WHERE issue_id NOT IN (${KNOWN_CANARY_ISSUES}) GROUP BY issue_id
    ), leader AS MATERIALIZED (
      SELECT issue_id FROM (SELECT * FROM bound ORDER BY so_far DESC, issue_id OFFSET 0) AS ordered
      WHERE ${mayRank('ordered')} LIMIT $3
    ), bar AS (
      SELECT CASE WHEN count(${by}) < $3 THEN 0 ELSE min(${by}) END AS least FROM leader ${unionsOf(bucketsSince('$1', 'leader.issue_id'))}
    ), candidate AS MATERIALIZED (
      SELECT issue_id FROM bound
      WHERE most * ${SLACK} >= (SELECT least FROM bar) AND ${mayRank('bound')}
    )`;
}

function rounded({ events, users }: CountsRow): Counts {
  return { events: Math.round(events), users: Math.round(users) };
}

/** The counts of an issue's rows. */
function unionsOf(rows: string): string {
  return `CROSS JOIN LATERAL (
    SELECT hll_cardinality(hll_union_agg(event_set)) AS events,
           ${usersWithin('hll_union_agg(event_set)', 'hll_union_agg(user_set)')} AS users
    FROM ${rows}) AS counted`;
}

/**
 * An issue's buckets since a time. Rows are compared, because only the primary key can find them. The index of times could
 * find `time >= since` too. Postgres prefers it if its statistics are older than that time, and then reads the new buckets
 * of all issues for each issue.
 */
function bucketsSince(since: string, issueId: string, unit: Buckets['unit'] = 'day'): string {
  const { table, time, type } = columnsOf(unit);
  const isSince = `(${table}.issue_id, ${time}) >= (${issueId}, ${since}::${type})`;
  return `${table} WHERE ${table}.issue_id = ${issueId} AND ${isSince}`;
}

function mayRank(source: string): string {
  return `NOT coalesce((
    SELECT EXISTS (SELECT FROM unnest($2::text[]) AS excluded (prefix) WHERE starts_with(module, prefix))
    FROM issues WHERE issues.id = ${source}.issue_id), true)`;
}
