import { estimate } from '../domain/estimate.ts';
import { DAY } from '../domain/time.ts';
import type { Trigger } from '../domain/trigger.ts';
import { defineTrigger } from '../domain/trigger.ts';
import { IS_EXTENSION, isExtension } from './extension.ts';
import { withDefaults } from './options.ts';
import { nobodyLeft, recipientsWhere } from './recipients.ts';

export interface RegressionOptions {
  /** The trigger's name. Default: `Regression`. */
  readonly name?: string;
  /** Whole UTC days without an event before the issue came back, 1 to 364. Default: 14. `RETENTION_DAYS` must be greater by 4. */
  readonly quietDays?: number;
  /** The least number of events since it came back. Default: 10. */
  readonly events?: number;
  /** The least number of affected users since it came back. Default: 5. */
  readonly users?: number;
}

const WEEK = 7;
/** Two estimates whose sets differ by this factor differ by eight standard errors. */
const SURELY_MORE = 1.2;
/** Days since the comeback during which the trigger waits for enough events, today included. */
const DAYS_BACK = 3;
/** A series has 366 days before today at most. */
const MOST_QUIET_DAYS = 366 - DAYS_BACK + 1;

/**
 * Notifies of an old issue that came back: after many days without an event, it has had enough of them within the last
 * three days. It notifies once for each comeback. Issues of browser extensions are left out.
 */
export function regression(emails: readonly string[], options: RegressionOptions = {}): Trigger {
  const defaults = { name: 'Regression', quietDays: 14, events: 10, users: 5 };
  const {
    name,
    quietDays,
    events: floor,
    users: leastUsers,
  } = withDefaults('regression', options, defaults, { quietDays: [1, MOST_QUIET_DAYS] });
  return defineTrigger({
    name,
    emails,
    async evaluate(issue, context) {
      const age = context.now.getTime() - issue.firstSeen.getTime();
      if (age < quietDays * DAY) return { notify: false, because: `it is younger than ${quietDays} days` };
      const [recent, week] = await Promise.all([
        context.counts(issue, { days: DAYS_BACK - 1 }),
        context.counts(issue, { days: WEEK }),
      ]);
      if (recent.events < floor || recent.users < leastUsers) {
        return {
          notify: false,
          because: `${recent.events} events by ${recent.users} users in ${DAYS_BACK} days are few`,
        };
      }
      if (isExtension(issue)) return { notify: false, because: IS_EXTENSION };
      // Two counts cost less than a series of days, and decide most issues.
      if (quietDays > WEEK && week.events > SURELY_MORE * recent.events) {
        return { notify: false, because: `it had events within ${quietDays} days before` };
      }
      const days = await context.series(issue, { days: quietDays + DAYS_BACK - 1 });
      const firstBack = days.findIndex(({ events }) => events > 0);
      const cameBack = days[firstBack];
      if (cameBack === undefined || firstBack < quietDays) {
        return { notify: false, because: `it had events within ${quietDays} days before` };
      }
      if (issue.firstSeen >= cameBack.at) return { notify: false, because: 'it is new, so it is not back' };
      const recipients = await recipientsWhere(
        context.recipients,
        (recipient) => context.lastNotified(recipient, issue),
        (at) => at === null || at < cameBack.at,
      );
      if (recipients.length === 0) {
        return nobodyLeft(context, 'all recipients were notified since it came back');
      }
      return {
        notify: true,
        because: `it is back after ${quietDays} days or more without an event: ${estimate(recent.events)} events by ${estimate(recent.users)} users since`,
        recipients,
      };
    },
  });
}
