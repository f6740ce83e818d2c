import { estimate, number } from '../domain/estimate.ts';
import type { BucketCounts, Counts, Issue } from '../domain/issue.ts';
import { HOUR } from '../domain/time.ts';
import type { LastAlert, Recipient, Trigger, TriggerContext } from '../domain/trigger.ts';
import { defineTrigger } from '../domain/trigger.ts';
import { IS_EXTENSION, isExtension } from './extension.ts';
import { withDefaults } from './options.ts';
import { NOTIFIED_WITHIN_HOUR, nobodyLeft, outsideOfLastHour, recipientsWhere } from './recipients.ts';

export interface SpikeOptions {
  /** The trigger's name. Default: `Spike`. */
  readonly name?: string;
  /** How many times the usual hour's events an hour must have. Default: 5. */
  readonly times?: number;
  /** The least number of events in the hour. Default: 50. */
  readonly events?: number;
  /** The least number of affected users in the hour, since one browser in a loop is not a spike. Default: 20. */
  readonly users?: number;
  /** Calm hours in a row after which another spike is news, 1 to 168. A bursting issue is one incident. Default: 6. */
  readonly calmHours?: number;
}

const WEEK_HOURS = 7 * 24;
/** An issue with fewer hours behind it has no usual hour. */
const LEAST_HOURS = 24;
/** Events in the same hours of the last seven days from which on their mean says more than the mean of all hours. */
const ENOUGH_EVENTS = 35;

/**
 * Notifies of an issue with many more events within an hour than in its usual hour. The usual hour is the mean of seven
 * days. The trigger notifies again only after the issue calmed down. It is calm after six whole hours in a row with fewer
 * than half of the events that are a spike. Issues younger than a day and issues of browser extensions are left out.
 */
export function spike(emails: readonly string[], options: SpikeOptions = {}): Trigger {
  const defaults = { name: 'Spike', times: 5, events: 50, users: 20, calmHours: 6 };
  const {
    name,
    times,
    events: floor,
    users: leastUsers,
    calmHours,
  } = withDefaults('spike', options, defaults, { calmHours: [1, WEEK_HOURS] });
  return defineTrigger({
    name,
    emails,
    async evaluate(issue, context) {
      // Most issues are far from a spike, and two hours cost less to read than a week of hours.
      const recent = await context.counts(issue, { hours: 1 });
      if (recent.events < floor || recent.users < leastUsers) {
        return {
          notify: false,
          because: `${recent.events} events by ${recent.users} users in two hours are few`,
        };
      }
      if (isExtension(issue)) return { notify: false, because: IS_EXTENSION };
      const hours = await context.series(issue, { hours: WEEK_HOURS + 1 });
      const known = hours.filter(({ at }) => at.getTime() > issue.firstSeen.getTime() - HOUR);
      if (known.length < LEAST_HOURS) {
        return { notify: false, because: `it is younger than ${LEAST_HOURS} hours, so it has no usual hour` };
      }
      const usual = usualHour(known.slice(0, -2));
      const needed = Math.max(floor, times * usual);
      const hour = lastHour(known.slice(-2), context.now);
      if (hour.events < needed) {
        return {
          notify: false,
          because: `${hour.events} events in an hour are fewer than ${Math.ceil(needed)}`,
        };
      }
      if (hour.users < leastUsers) {
        return { notify: false, because: `${hour.users} users in an hour are fewer than ${leastUsers}` };
      }
      const ready = await calmed(issue, context, known, { below: needed / 2, hours: calmHours });
      if (ready.length === 0) return nobodyLeft(context, 'all recipients know of this spike');
      const recipients = await outsideOfLastHour(issue, context, ready);
      if (recipients.length === 0) return nobodyLeft(context, NOTIFIED_WITHIN_HOUR);
      return {
        notify: true,
        because: `it had ${estimate(hour.events)} events by ${estimate(hour.users)} users within an hour, and ${rate(usual)} in a usual hour`,
        recipients,
      };
    },
  });
}

/**
 * The last 60 minutes: the current hour so far, and the rest from the hour before, as if its events had come evenly.
 */
function lastHour(hours: readonly BucketCounts[], now: Date): Counts {
  const [before, current] = hours as [BucketCounts, BucketCounts];
  const left = 1 - Math.min(1, (now.getTime() - current.at.getTime()) / HOUR);
  return {
    events: Math.round(current.events + left * before.events),
    users: Math.round(current.users + left * before.users),
  };
}

/**
 * The mean of the hours. If the same hours of the days have enough events, they weigh half. So an issue that has its peak
 * at noon every day doesn't spike at noon.
 */
function usualHour(hours: readonly BucketCounts[]): number {
  const same = hours.filter((_, index) => (hours.length - index + 1) % 24 <= 1);
  const sameEvents = sum(same);
  const mean = sum(hours) / Math.max(1, hours.length);
  if (sameEvents < ENOUGH_EVENTS) return mean;
  return (mean + sameEvents / same.length) / 2;
}

function sum(hours: readonly BucketCounts[]): number {
  return hours.reduce((total, { events }) => total + events, 0);
}

/** The recipients that know of no spike, or of an earlier one that is over. */
async function calmed(
  issue: Issue,
  context: TriggerContext,
  known: readonly BucketCounts[],
  calm: { readonly below: number; readonly hours: number },
): Promise<Recipient[]> {
  const over = known.slice(0, -1);
  const calmedAfter = (alert: LastAlert) => {
    if (alert.at < (over[0]?.at ?? alert.at)) return true;
    let inRow = 0;
    return over
      .filter(({ at }) => at > alert.at)
      .some(({ events }) => {
        inRow = events < calm.below ? inRow + 1 : 0;
        return inRow >= calm.hours;
      });
  };
  return await recipientsWhere(
    context.recipients,
    (recipient) => context.lastAlert(recipient, issue),
    (alert) => alert === null || calmedAfter(alert),
  );
}

function rate(events: number): string {
  return events < 10 ? String(Math.round(events * 10) / 10) : number(events);
}
