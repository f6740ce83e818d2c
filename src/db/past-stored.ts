import type { Db } from './pool.ts';
import { HOURS_KEPT } from './prune.ts';

/** How far back counts are stored. */
export interface Stored {
  /** The database's clock. */
  readonly now: Date;
  /** The first UTC day that is stored; null if no day is. */
  readonly daysSince: Date | null;
  /** Whether Sentry saw some of the issues before the first day. Their earlier events are not stored. */
  readonly olderIssues: boolean;
  /** The first UTC day from which on every hour is stored; null if no hour is. */
  readonly hoursSince: Date | null;
}

interface StoredRow {
  readonly now: Date;
  readonly days_since: Date | null;
  readonly older_issues: boolean;
  readonly hours_since: Date | null;
}

/**
 * Reads how far back counts are stored. A day whose first hours are deleted already has no exact counts by hour, so the
 * hours begin with the next day. If no older day is stored, all events of the first day have hours. Sentry may forward an
 * event late, so an hour may be there that the next pruning deletes.
 */
export async function storedCounts(db: Db): Promise<Stored> {
  const { rows } = await db.query<StoredRow>({
    text: `SELECT date_trunc('milliseconds', clock_timestamp()) AS now,
                  first_day AS days_since,
                  EXISTS (SELECT FROM issues WHERE first_seen < first_day) AS older_issues,
                  CASE WHEN first_day < date_trunc('day', first_hour, 'UTC')
                       THEN date_trunc('day', first_hour - interval '1 microsecond', 'UTC') + interval '1 day'
                       ELSE date_trunc('day', first_hour, 'UTC') END AS hours_since
           FROM (SELECT min(date)::timestamp AT TIME ZONE 'UTC' AS first_day FROM issue_buckets) AS days,
                (SELECT min(hour) AS first_hour FROM issue_hours WHERE hour >= now() - ${HOURS_KEPT}) AS hours`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('an aggregate returned no row');
  return {
    now: row.now,
    daysSince: row.days_since,
    olderIssues: row.older_issues,
    hoursSince: row.hours_since,
  };
}
