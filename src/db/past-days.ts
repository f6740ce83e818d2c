import type { Counts, RankedIssue } from '../domain/issue.ts';
import type { Step } from '../domain/step.ts';
import { firstDay, utcDay } from '../domain/time.ts';
import type { TopQuery } from './counts.ts';
import { countedSet, countsOf, countsOver, topIssues } from './counts.ts';
import type { Db } from './pool.ts';

/**
 * Answers questions about days in a backtest. The whole days of a window are the same for each hour of a day. So they are
 * merged once a day, into one set an issue for counts and into one sum an issue for rankings.
 */
export interface MergedDays {
  counts(ids: readonly string[], back: number, step: Step): Promise<ReadonlyMap<string, Counts>>;
  top(query: TopQuery, step: Step): Promise<readonly RankedIssue[]>;
}

const TABLES = (schema: string) => `
  CREATE TEMP TABLE past_sets ON COMMIT DROP AS
    SELECT date AS since, date AS until, issue_id, event_set, user_set FROM ${schema}.issue_buckets WITH NO DATA;
  CREATE INDEX ON past_sets (issue_id, until, since);
  CREATE TEMP TABLE past_sums (since date, until date, counted text, issue_id bigint, most float8) ON COMMIT DROP;
  CREATE INDEX ON past_sums (until, since, counted);
  CREATE TEMP TABLE past_day_counts ON COMMIT DROP AS
    SELECT issue_id, since, until, hll_cardinality(event_set) AS event_set, hll_cardinality(user_set) AS user_set FROM past_day;
  CREATE INDEX ON past_day_counts (since);
  ANALYZE past_day_counts`;

const MERGE_SETS = `
  INSERT INTO past_sets
  SELECT $1::date, $2::date, issue_id, hll_union_agg(event_set), hll_union_agg(user_set)
  FROM issue_buckets WHERE issue_id = ANY($3::bigint[]) AND date >= $1::date AND date < $2::date
  GROUP BY issue_id`;

const SETS = (issueId: string) => `(
  SELECT event_set, user_set FROM past_sets
  WHERE past_sets.issue_id = ${issueId} AND until = $3::date AND since = $2::date
  UNION ALL
  (SELECT event_set, user_set FROM past_day
   WHERE past_day.issue_id = ${issueId} AND since >= ${midnight('$3')} AND since <= $4::timestamptz
   ORDER BY since DESC LIMIT 1)
) AS merged`;

const MERGE_SUMS = (set: string) => `
  INSERT INTO past_sums
  SELECT $1::date, $2::date, $3, issue_id, sum(hll_cardinality(${set}))
  FROM issue_buckets WHERE date >= $1::date AND date < $2::date GROUP BY issue_id`;

const SUMS = (set: string) => `
  SELECT issue_id, most FROM past_sums WHERE since = $1::date AND until = $4::date AND counted = '${set}'
  UNION ALL
  SELECT issue_id, ${set} AS most FROM past_day_counts
  WHERE since >= ${midnight('$4')} AND since <= $5::timestamptz AND past_day_counts.until > $5::timestamptz`;

function midnight(day: string): string {
  return `(${day}::date::timestamp AT TIME ZONE 'UTC')`;
}

/** @param schema the schema of our tables, quoted */
export async function mergedDays(db: Db, schema: string): Promise<MergedDays> {
  await db.query({ text: TABLES(schema) });
  let mergedUntil = '';
  let merged = new Map<string, Set<string>>();
  /** The parts of a window that are merged already; the window ends before the day. */
  const mergedOf = (until: string, window: string) => {
    if (until !== mergedUntil) [mergedUntil, merged] = [until, new Map()];
    const found = merged.get(window) ?? new Set();
    merged.set(window, found);
    return found;
  };
  const mergeSets = async (ids: readonly string[], since: string, until: string) => {
    const done = mergedOf(until, since);
    const missing = ids.filter((id) => !done.has(id));
    if (missing.length === 0) return;
    // Noted first: another page may ask at the same time, and its statements come after this one.
    for (const id of missing) done.add(id);
    await db.query({ text: MERGE_SETS, values: [since, until, missing] });
  };
  const mergeSums = async (set: string, since: string, until: string) => {
    const done = mergedOf(until, set);
    if (done.has(since)) return;
    done.add(since);
    await db.query({ text: MERGE_SUMS(set), values: [since, until, set] });
  };
  return {
    async counts(ids, back, { unit, start, end }) {
      const [since, until] = [firstDay(end, back), utcDay(start)];
      if (unit === 'day' || back === 0) return await countsOf(db, ids, { unit: 'day', since });
      await mergeSets(ids, since, until);
      return await countsOver(db, ids, { from: SETS, values: [since, until, end.toISOString()] });
    },
    async top(query, { unit, start, end }) {
      if (unit === 'day') return await topIssues(db, query);
      const until = utcDay(start);
      await mergeSums(countedSet(query), query.since, until);
      return await topIssues(db, query, { daily: SUMS, values: [until, end.toISOString()] });
    },
  };
}
