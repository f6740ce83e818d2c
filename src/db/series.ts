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
  const { rows } = await db.query<SeriesRow>({
    // The ordered aggregates keep Postgres from a hash with a state for each issue.
    text: `SELECT issue_id, array_agg(extract(epoch FROM ${time})::float8 ORDER BY ${time}) AS times,
                  array_agg(hll_cardinality(event_set) ORDER BY ${time}) AS events,
                  array_agg(${usersWithin('event_set', 'user_set')} ORDER BY ${time}) AS users
           FROM ${table} WHERE issue_id = ANY($1::bigint[]) AND ${time} >= $2::${type} GROUP BY issue_id`,
    values: [issueIds, buckets.since],
  });
  const first = new Date(buckets.since).getTime();
  const length = Math.floor((until.getTime() - first) / step) + 1;
  const byIssue = new Map(rows.map((row) => [row.issue_id, row]));
  return new Map(
    issueIds.map((id) => {
      const row = byIssue.get(id);
      const place = new Map(row?.times.map((seconds, index) => [seconds * 1_000, index]));
      const counts = Array.from({ length }, (_, index) => {
        const at = first + index * step;
        const found = place.get(at) ?? -1;
        return {
          at: new Date(at),
          events: Math.round(row?.events[found] ?? 0),
          users: Math.round(row?.users[found] ?? 0),
        };
      });
      return [id, counts];
    }),
  );
}
