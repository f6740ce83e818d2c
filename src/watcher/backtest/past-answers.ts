import type { Past } from '../../db/past.ts';
import type { BucketCounts, Counts } from '../../domain/issue.ts';
import type { Step } from '../../domain/step.ts';
import type { Window } from '../../domain/time.ts';
import { dayNumber, firstDay, firstHour, HOUR } from '../../domain/time.ts';
import type { Answers } from '../evaluator/answers.ts';
import { answersAt } from '../run/answers.ts';
import type { Notifications } from './notifications.ts';

/**
 * Answers as a run at the end of the step would have given them. The transaction shows the past (`openPast`), so the
 * queries are those of a run. Two answers differ. Notifications are those of the backtest. An hour that is not stored
 * counts as a 24th of its UTC day.
 */
export function pastAnswers(past: Past, notifications: Notifications, step: Step): Answers {
  const now = step.end;
  const answers = answersAt(past.tx, now);
  const storedFrom = past.hoursSince?.getTime() ?? Number.POSITIVE_INFINITY;

  const series: Answers['series'] = async (issueIds, window) => {
    if (window.unit === 'day') return await past.daySeries(issueIds, window.back);
    if (isStored(window, now, past.hoursSince)) return await answers.series(issueIds, window);
    const back = daysBack(now, window);
    const [hours, days] = [await answers.series(issueIds, window), await past.daySeries(issueIds, back)];
    return new Map(
      issueIds.map((id) => [id, estimated(hours.get(id) ?? [], days.get(id) ?? [], storedFrom)]),
    );
  };

  return {
    ...answers,
    series,
    async counts(issueIds, window) {
      if (window.unit === 'day') return await past.dayCounts(issueIds, window.back);
      if (isStored(window, now, past.hoursSince)) return await answers.counts(issueIds, window);
      const hours = await series(issueIds, window);
      const back = Math.floor((now.getTime() - storedFrom) / HOUR);
      const stored = back < 0 ? new Map() : await answers.counts(issueIds, { unit: 'hour', back });
      const isEstimated = ({ at }: BucketCounts) => at.getTime() < storedFrom;
      return new Map(
        issueIds.map((id) => [
          id,
          sumOf([...(hours.get(id) ?? []).filter(isEstimated), stored.get(id) ?? NONE]),
        ]),
      );
    },
    top: ({ days, ...ranking }) => past.top({ ...ranking, since: firstDay(now, days) }),
    notified: async (pairs, trigger) => notifications.of(pairs, trigger),
  };
}

/** Whether the counts of a window are stored, by the hour if it asks for hours. */
export function isStored({ unit, back }: Window, now: Date, hoursSince: Date | null): boolean {
  return unit === 'day' || (hoursSince !== null && firstHour(now, back) >= hoursSince);
}

/** UTC days before today in which the window begins. */
export function daysBack(now: Date, { unit, back }: Window): number {
  return unit === 'day' ? back : dayNumber(now) - dayNumber(firstHour(now, back));
}

/** The hours, with a 24th of the day's counts in each hour that is not stored. */
function estimated(
  hours: readonly BucketCounts[],
  days: readonly BucketCounts[],
  storedFrom: number,
): BucketCounts[] {
  const byDay = new Map(days.map((day) => [dayNumber(day.at), day]));
  return hours.map((hour) => {
    const day = byDay.get(dayNumber(hour.at));
    if (hour.at.getTime() >= storedFrom || day === undefined) return hour;
    return { at: hour.at, events: day.events / 24, users: day.users / 24 };
  });
}

const NONE: Counts = { events: 0, users: 0 };

/** An event belongs to one hour. A user may come in many, so the sum is the most that the users can be. */
function sumOf(counts: readonly Counts[]): Counts {
  const sum = (of: (one: Counts) => number) => Math.round(counts.reduce((total, one) => total + of(one), 0));
  return { events: sum(({ events }) => events), users: sum(({ users }) => users) };
}
