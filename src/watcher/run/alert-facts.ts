import { bucketsOf } from '../../db/buckets.ts';
import { countsOf } from '../../db/counts.ts';
import type { RecentCounts } from '../../db/daily-counts.ts';
import { recentCounts } from '../../db/daily-counts.ts';
import type { Db } from '../../db/pool.ts';
import { seriesOf } from '../../db/series.ts';
import { tagsOf } from '../../db/tags.ts';
import type { AlertFacts, Novelty } from '../../domain/alert.ts';
import type { BucketCounts, Counts, Issue } from '../../domain/issue.ts';
import { TAGS } from '../../domain/tags.ts';
import { DAY, dayNumber, firstDay } from '../../domain/time.ts';
import { shownTags } from '../../mail/format.ts';

const WEEK = 7;
const DAYS_SHOWN = 14;
const HOURS_SHOWN = 24;
/** An issue that had no event for so many days is back. */
const QUIET_DAYS = 7;

/** Reads what alerts show of issues. The number of queries doesn't depend on the number of issues. */
export async function alertFacts(
  db: Db,
  issues: readonly Issue[],
  ranAt: Date,
): Promise<(issue: Issue) => AlertFacts> {
  if (issues.length === 0) return () => unread();
  const ids = issues.map(({ id }) => id);
  const window = { today: firstDay(ranAt, 0), weekSince: firstDay(ranAt, WEEK), days: DAYS_SHOWN };
  const recent = await recentCounts(db, ids, window);
  // The last hour that is over, and 24 hours before it.
  const hours = await seriesOf(db, ids, bucketsOf({ unit: 'hour', back: HOURS_SHOWN + 1 }, ranAt), ranAt);
  const tags = await tagsOf(db, ids, TAGS, window.weekSince);
  return (issue) => {
    const { today, week, days, latestDays } = recent(issue.id);
    return {
      today,
      week,
      days,
      ...hoursOf(hours.get(issue.id) ?? []),
      tags: shownTags(tags(issue.id)),
      novelty: noveltyOf(issue, latestDays, ranAt),
    };
  };
}

function unread(): never {
  throw new Error('the facts of no issue were read');
}

/** The counts that an alert in a shared email shows. */
export async function weekCounts(
  db: Db,
  issues: readonly Issue[],
  ranAt: Date,
): Promise<Map<string, Counts>> {
  if (issues.length === 0) return new Map();
  const ids = issues.map(({ id }) => id);
  return await countsOf(db, ids, bucketsOf({ unit: 'day', back: WEEK }, ranAt));
}

function hoursOf(series: readonly BucketCounts[]): Pick<AlertFacts, 'hours' | 'lastHour' | 'hourYesterday'> {
  const [hourYesterday, , ...hours] = series;
  const lastHour = hours.at(-2);
  if (hourYesterday === undefined || lastHour === undefined)
    throw new Error('the series of hours is incomplete');
  return { hours, lastHour, hourYesterday };
}

/**
 * The comeback may have been yesterday, shortly before midnight.
 * @param latestDays the latest days with events, as `YYYY-MM-DD`, the latest first
 */
export function noveltyOf(
  { firstSeen }: Pick<Issue, 'firstSeen'>,
  latestDays: RecentCounts['latestDays'],
  ranAt: Date,
): Novelty {
  if (ranAt.getTime() - firstSeen.getTime() < DAY) return { is: 'new' };
  const days = latestDays.map((date) => dayNumber(new Date(date)));
  const current = dayNumber(ranAt);
  // The active days that end today: today, or today and yesterday.
  const isActive = (day: number | undefined) => day !== undefined && day >= current - 1;
  const start = days.findLast(isActive);
  if (start === undefined) return { is: 'known' };
  const before = days.find((day) => day < start);
  if (before !== undefined) {
    return start - before >= QUIET_DAYS ? { is: 'back', afterDays: start - before } : { is: 'known' };
  }
  return start - dayNumber(firstSeen) >= QUIET_DAYS ? { is: 'back', afterDays: null } : { is: 'known' };
}
