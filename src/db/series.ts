import type { BucketCounts } from '../domain/issue.ts';
import type { Buckets } from './buckets.ts';
import { columnsOf } from './buckets.ts';
import { usersWithin } from './cardinality.ts';
import type { Db } from './pool.ts';

interface SeriesRow {
  readonly issue_id: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly events: readonly number[];
  readonly users: readonly number[];
  /** Of the last bucket; null if it has no events. */
  readonly current_events: number | null;
  readonly current_users: number | null;
}

/**
 * The counts of each bucket of a window, for each issue, the oldest first. The last bucket is that of `until`. A bucket
 * without events has zeros.
 */
export async function seriesOf(
  db: Db,
  issueIds: readonly string[],
  buckets: Buckets,
  until: Date,
): Promise<Map<string, readonly BucketCounts[]>> {
  const { table, time, type, step } = columnsOf(buckets.unit);
  const first = new Date(buckets.since).getTime();
  const length = Math.floor((until.getTime() - first) / step) + 1;
  const current = (set: string) => `hll_union_agg(${set}) FILTER (WHERE ${time} >= $3::${type})`;
  const { rows } = await db.query<SeriesRow>({
    // If a clock is ahead, Sentry's date of an event can be later than the current bucket. Such events count as current.
    // The ordered aggregates keep Postgres from a hash with a state for each issue.
    text: `SELECT issue_id,
                  array_agg(extract(epoch FROM ${time})::float8 ORDER BY ${time}) AS times,
                  array_agg(hll_cardinality(event_set) ORDER BY ${time}) AS events,
                  array_agg(${usersWithin('event_set', 'user_set')} ORDER BY ${time}) AS users,
                  hll_cardinality(${current('event_set')}) AS current_events,
                  ${usersWithin(current('event_set'), current('user_set'))} AS current_users
           FROM ${table} WHERE issue_id = ANY($1::bigint[]) AND ${time} >= $2::${type} GROUP BY issue_id`,
    values: [issueIds, buckets.since, new Date(first + (length - 1) * step).toISOString()],
  });
  const byIssue = new Map(rows.map((row) => [row.issue_id, row]));
  return new Map(
    issueIds.map((id) => {
      const row = byIssue.get(id);
      const place = new Map(row?.times.map((seconds, index) => [seconds * 1_000, index]));
      const counts = Array.from({ length }, (_, index) => {
        const at = first + index * step;
        const found = place.get(at) ?? -1;
        const isLast = index === length - 1;
        return {
          at: new Date(at),
          events: Math.round((isLast ? row?.current_events : row?.events[found]) ?? 0),
          users: Math.round((isLast ? row?.current_users : row?.users[found]) ?? 0),
        };
      });
      return [id, counts];
    }),
  );
}
