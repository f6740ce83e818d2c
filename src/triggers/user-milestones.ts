import { estimate, number } from '../domain/estimate.ts';
import type { Trigger } from '../domain/trigger.ts';
import { defineTrigger } from '../domain/trigger.ts';
import { IS_EXTENSION, isExtension } from './extension.ts';
import { withDefaults } from './options.ts';
import { NOTIFIED_WITHIN_HOUR, nobodyLeft, outsideOfLastHour, recipientsWhere } from './recipients.ts';

export interface UserMilestonesOptions {
  /** The trigger's name. Default: `Affected users`. */
  readonly name?: string;
  /** Numbers of affected users, in any order. Default: 10, 100, 1,000 and so on up to 10,000,000. */
  readonly milestones?: readonly number[];
}

/** The window of the trigger's last alerts, so it can't be chosen. */
const DAYS = 7;
const POWERS_OF_TEN: readonly number[] = [10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/**
 * Notifies each recipient whenever an issue's affected users over seven days reach a milestone that the issue hasn't
 * reached before. A lower milestone never follows a higher one. If any trigger notified a recipient of the issue within the last
 * hour, the recipient is notified later, if the issue then still has events. Issues of browser extensions are left out.
 */
export function userMilestones(emails: readonly string[], options: UserMilestonesOptions = {}): Trigger {
  const defaults = { name: 'Affected users', milestones: POWERS_OF_TEN };
  const { name, milestones } = withDefaults('userMilestones', options, defaults);
  const reachedBy = (users: number) => Math.max(0, ...milestones.filter((milestone) => milestone <= users));
  return defineTrigger({
    name,
    emails,
    async evaluate(issue, context) {
      const { users } = await context.counts(issue, { days: DAYS });
      const reached = reachedBy(users);
      if (reached === 0) {
        return { notify: false, because: `${users} users are fewer than ${number(Math.min(...milestones))}` };
      }
      if (isExtension(issue)) return { notify: false, because: IS_EXTENSION };
      const unaware = await recipientsWhere(
        context.recipients,
        (recipient) => context.lastAlert(recipient, issue),
        (alert) => reached > reachedBy(alert?.users ?? 0),
      );
      if (unaware.length === 0) {
        return nobodyLeft(context, `all recipients know that it reached ${number(reached)} users`);
      }
      const recipients = await outsideOfLastHour(issue, context, unaware);
      if (recipients.length === 0) return nobodyLeft(context, NOTIFIED_WITHIN_HOUR);
      return {
        notify: true,
        because: `it reached ${number(reached)} affected users: ${estimate(users)} over ${DAYS} days`,
        recipients,
      };
    },
  });
}
