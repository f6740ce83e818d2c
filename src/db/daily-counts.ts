import type { Counts, DayCounts } from '../domain/issue.ts';
import { usersWithin } from './cardinality.ts';
import type { Db } from './pool.ts';

/** An issue's counts as an alert shows them. */
export interface RecentCounts {
  readonly today: Counts;
  readonly week: Counts;
  /** The oldest first, today last, a day without a bucket included. */
  readonly days: readonly DayCounts[];
  /** The latest days with events as `YYYY-MM-DD`, three at most, up to today and also before the
   * window; the latest first. */
  readonly latestDays: readonly string[];
}

export interface RecentWindow {
  /** UTC day as `YYYY-MM-DD`. Events that Sentry's clock dates later count as today. */
  readonly today: string;
  /** First day of the week. */
  readonly weekSince: string;
  /** Number of days that are listed one by one, including today. At least seven. */
  readonly days: number;
}

interface RecentRow {
  readonly issue_id: string;
  readonly dates: readonly string[];
  readonly day_events: readonly number[];
  readonly day_users: readonly number[];
  readonly today_events: number | null;
  readonly today_users: number | null;
  readonly week_events: number | null;
  readonly week_users: number | null;
  readonly latest_days: readonly string[];
}

/** Counts of many issues in one query. The ordered aggregates keep Postgres from a hash with a set for each issue. */
export async function recentCounts(
  db: Db,
  issueIds: readonly string[],
  window: RecentWindow,
): Promise<(issueId: string) => RecentCounts> {
  const dates = lastDays(window);
  const union = (set: string, since: string) => `hll_union_agg(${set}) FILTER (WHERE date >= ${since}::date)`;
  const events = (since: string) => `hll_cardinality(${union('event_set', since)})`;
  const users = (since: string) => usersWithin(union('event_set', since), union('user_set', since));
  const { rows } = await db.query<RecentRow>({
    text: `SELECT
             issue_id,
             array_agg(to_char(date, 'YYYY-MM-DD') ORDER BY date) AS dates,
             array_agg(hll_cardinality(event_set) ORDER BY date) AS day_events,
             array_agg(${usersWithin('event_set', 'user_set')} ORDER BY date) AS day_users,
             ${events('$2')} AS today_events, ${users('$2')} AS today_users,
             ${events('$3')} AS week_events, ${users('$3')} AS week_users,
             ARRAY(SELECT to_char(date, 'YYYY-MM-DD') FROM issue_buckets AS latest
                   WHERE latest.issue_id = issue_buckets.issue_id AND date <= $2::date ORDER BY date DESC LIMIT 3) AS latest_days
           FROM issue_buckets
           WHERE issue_id = ANY($1::bigint[]) AND date >= $4::date
           GROUP BY issue_id`,
    values: [issueIds, window.today, window.weekSince, dates[0]],
  });
  const byId = new Map(rows.map((row) => [row.issue_id, toRecent(row, dates)]));
  const none = toRecent(null, dates);
  return (issueId) => byId.get(issueId) ?? none;
}

function toRecent(row: RecentRow | null, dates: readonly string[]): RecentCounts {
  const today = counts(row?.today_events, row?.today_users);
  const place = new Map(row?.dates.map((date, index) => [date, index]));
  const days = dates.map((date, index) => {
    if (index === dates.length - 1) return { date, ...today };
    const at = place.get(date) ?? -1;
    return { date, ...counts(row?.day_events[at], row?.day_users[at]) };
  });
  const week = counts(row?.week_events, row?.week_users);
  return { today, week, days, latestDays: row?.latest_days ?? [] };
}

function counts(events: number | null | undefined, users: number | null | undefined): Counts {
  return { events: Math.round(events ?? 0), users: Math.round(users ?? 0) };
}

function lastDays({ today, days }: RecentWindow): string[] {
  const last = Date.parse(`${today}T00:00:00Z`);
  return Array.from({ length: days }, (_, index) =>
    new Date(last - (days - 1 - index) * 86_400_000).toISOString().slice(0, 10),
  );
}
