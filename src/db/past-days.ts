import type { BucketCounts, Counts, Issue, RankedIssue } from '../domain/issue.ts';
import type { Step } from '../domain/step.ts';
import { DAY, dayNumber, firstDay, utcDay } from '../domain/time.ts';
import { isHourOf } from './buckets.ts';
import { usersWithin } from './cardinality.ts';
import type { CountsRow, TopQuery } from './counts.ts';
import { countsOf, rankableIssues, rankedIssues, topIssues } from './counts.ts';
import type { Db } from './pool.ts';
import { seriesOf } from './series.ts';

/**
 * Answers questions about days in a backtest. The whole days of a window are the same for each hour of a day. So Postgres
 * reads them once a day.
 */
export interface PastDays {
  counts(ids: readonly string[], back: number, step: Step): Promise<ReadonlyMap<string, Counts>>;
  series(
    ids: readonly string[],
    back: number,
    step: Step,
  ): Promise<ReadonlyMap<string, readonly BucketCounts[]>>;
  top(query: TopQuery, step: Step): Promise<readonly RankedIssue[]>;
}

/**
 * The counts of a window that ends in each of the day's hours. The first row of an issue has its whole days. Each further one
 * adds an hour to the same union, which costs less than to begin again.
 */
const HOUR_BY_HOUR = (schema: string) => `
  SELECT issue_id, hour AS first, 24 AS next, events, least(users, events) AS users
  FROM unnest($1::bigint[]) AS asked (issue_id) CROSS JOIN LATERAL (
    SELECT hour, hll_cardinality(hll_union_agg(event_set) OVER so_far) AS events,
           hll_cardinality(hll_union_agg(user_set) OVER so_far) AS users
    FROM (
      SELECT 0 AS hour, hll_union_agg(event_set) AS event_set, hll_union_agg(user_set) AS user_set FROM ${schema}.issue_buckets
      WHERE issue_buckets.issue_id = asked.issue_id AND date >= $2::date AND date < $3::date
      UNION ALL
      SELECT extract(hour FROM hour AT TIME ZONE 'UTC')::int, event_set, user_set FROM ${schema}.issue_hours
      WHERE issue_hours.issue_id = asked.issue_id AND ${isHourOf('$3')}
    ) AS sets WINDOW so_far AS (ORDER BY hour)) AS counted
  ORDER BY hour`;

/** The counts of each whole day of a window. */
const DAY_BY_DAY = (schema: string) => `
  SELECT issue_id, date - $2::date AS first, date - $2::date + 1 AS next,
         hll_cardinality(event_set) AS events, ${usersWithin('event_set', 'user_set')} AS users
  FROM ${schema}.issue_buckets WHERE issue_id = ANY($1::bigint[]) AND date >= $2::date AND date < $3::date`;

/** The same counts in some hours of a day, or in one day of a window. */
interface SpanRow {
  readonly issue_id: string;
  readonly first: number;
  /** The first hour or day after them. A later row of the issue may begin before that, and replaces these counts. */
  readonly next: number;
  /** Null if the issue has no events up to there. */
  readonly events: number | null;
  readonly users: number | null;
}

/**
 * @param schema the schema of our tables, quoted
 * @param issues reads issues as they were at a time
 */
export function pastDays(
  db: Db,
  schema: string,
  issues: (ids: readonly string[], at: Date) => Promise<readonly Issue[]>,
): PastDays {
  const rowsOf = async (text: string, ids: readonly string[], back: number, { start, end }: Step) => {
    const values = [ids, firstDay(end, back), utcDay(start)];
    return (await db.query<SpanRow>({ text, values })).rows;
  };
  const hours = keptForADay(async (ids, back, step) =>
    columnsOf(await rowsOf(HOUR_BY_HOUR(schema), ids, back, step), 24),
  );
  const days = keptForADay(async (ids, back, step) =>
    columnsOf(await rowsOf(DAY_BY_DAY(schema), ids, back, step), back),
  );
  const rankable = rankableOnADay(db, schema);
  const counts: PastDays['counts'] = async (ids, back, step) => {
    if (step.unit === 'day') return await countsOf(db, ids, { unit: 'day', since: firstDay(step.end, back) });
    const found = await hours(ids, back, step);
    const hour = step.start.getUTCHours();
    return new Map(ids.map((id) => [id, countsAt(found.get(id), hour)]));
  };
  return {
    counts,
    async series(ids, back, step) {
      const since = firstDay(step.end, back);
      if (step.unit === 'day') return await seriesOf(db, ids, { unit: 'day', since }, step.end);
      const [whole, today] = [await days(ids, back, step), await counts(ids, 0, step)];
      const first = Date.parse(since);
      return new Map(
        ids.map((id) => {
          const columns = whole.get(id);
          const bucket = (_: unknown, index: number) => ({
            at: new Date(first + index * DAY),
            ...(index < back ? countsAt(columns, index) : (today.get(id) ?? NONE)),
          });
          return [id, Array.from({ length: back + 1 }, bucket)];
        }),
      );
    },
    async top(query, step) {
      if (step.unit === 'day') return await topIssues(db, query);
      const hour = step.start.getUTCHours();
      const ids = await rankable(query, step);
      const found = await hours(ids, daysSince(query, step), step);
      return await rankedIssues(highest(ids, found, query, hour), (ranked) => issues(ranked, step.end));
    },
  };
}

/** Issues of one statement, each with up to 24 rows. On a first day, each of its issues may rank. */
const PAGE_SIZE = 1_000;

/** A map that is emptied when another UTC day begins. */
function forADay<Key, Value>(): (at: Date) => Map<Key, Value> {
  let day = '';
  let kept = new Map<Key, Value>();
  return (at) => {
    if (utcDay(at) !== day) [day, kept] = [utcDay(at), new Map()];
    return kept;
  };
}

/** The issues that may rank on the day of a step, found once for each ranking and day. */
function rankableOnADay(db: Db, schema: string): (query: TopQuery, step: Step) => Promise<readonly string[]> {
  const keptOn = forADay<string, Promise<readonly string[]>>();
  return async (query, { start }) => {
    const kept = keptOn(start);
    const key = JSON.stringify(query);
    const ids = kept.get(key) ?? rankableIssues(db, query, schema, utcDay(start));
    kept.set(key, ids);
    return await ids;
  };
}

function daysSince({ since }: TopQuery, { start }: Step): number {
  return dayNumber(start) - dayNumber(new Date(since));
}

/** As `topIssues` orders them. */
function highest(
  ids: readonly string[],
  found: ReadonlyMap<string, Columns>,
  { by, limit }: TopQuery,
  hour: number,
): CountsRow[] {
  return ids
    .map((id) => ({
      issue_id: id,
      events: found.get(id)?.[2 * hour] ?? 0,
      users: found.get(id)?.[2 * hour + 1] ?? 0,
    }))
    .filter(({ events }) => events > 0)
    .sort((a, b) => b[by] - a[by] || Number(BigInt(a.issue_id) - BigInt(b.issue_id)))
    .slice(0, limit);
}

/** Events and users in turn, of one hour or day after the other. */
type Columns = Float64Array;

/**
 * Reads the counts of an issue and a window once a day, and keeps them in memory until the next day. Objects would take
 * several times the 16 bytes of an hour or day.
 */
function keptForADay(
  read: (ids: readonly string[], back: number, step: Step) => Promise<ReadonlyMap<string, Columns>>,
): (ids: readonly string[], back: number, step: Step) => Promise<ReadonlyMap<string, Columns>> {
  const keptOn = forADay<number, Map<string, Columns>>();
  return async (ids, back, step) => {
    const kept = keptOn(step.start);
    const found = kept.get(back) ?? new Map<string, Columns>();
    kept.set(back, found);
    const missing = ids.filter((id) => !found.has(id));
    for (let first = 0; first < missing.length; first += PAGE_SIZE) {
      const page = missing.slice(first, first + PAGE_SIZE);
      const columns = await read(page, back, step);
      for (const id of page) found.set(id, columns.get(id) ?? new Float64Array());
    }
    return found;
  };
}

/** @param length the number of hours or days */
function columnsOf(rows: readonly SpanRow[], length: number): Map<string, Columns> {
  const found = new Map<string, Columns>();
  for (const { issue_id, first, next, events, users } of rows) {
    const columns = found.get(issue_id) ?? new Float64Array(2 * length);
    found.set(issue_id, columns);
    const counts = [events ?? 0, users ?? 0];
    for (let index = first; index < next; index += 1) columns.set(counts, 2 * index);
  }
  return found;
}

function countsAt(columns: Columns | undefined, index: number): Counts {
  return { events: Math.round(columns?.[2 * index] ?? 0), users: Math.round(columns?.[2 * index + 1] ?? 0) };
}

const NONE: Counts = { events: 0, users: 0 };
