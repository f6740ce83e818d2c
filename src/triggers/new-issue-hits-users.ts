import { estimate } from '../domain/estimate.ts';
import { plural } from '../domain/text.ts';
import { DAY, HOUR } from '../domain/time.ts';
import type { Trigger } from '../domain/trigger.ts';
import { defineTrigger } from '../domain/trigger.ts';
import { IS_EXTENSION, isExtension } from './extension.ts';
import { withDefaults } from './options.ts';
import { ALL_NOTIFIED, nobodyLeft } from './recipients.ts';

export interface NewIssueHitsUsersOptions {
  /** The trigger's name. Default: `New issue`. */
  readonly name?: string;
  /** The least number of affected users. Default: 50. */
  readonly users?: number;
  /** Hours after its first event during which an issue is new, 1 to 8,760. Default: 24. */
  readonly hours?: number;
}

/**
 * Notifies each recipient once of a new issue that has affected many users, in the first run after it did. Recipients
 * that another trigger has notified of the issue are left out, and so are issues of browser extensions.
 */
export function newIssueHitsUsers(
  emails: readonly string[],
  options: NewIssueHitsUsersOptions = {},
): Trigger {
  const defaults = { name: 'New issue', users: 50, hours: 24 };
  const {
    name,
    users: least,
    hours,
  } = withDefaults('newIssueHitsUsers', options, defaults, {
    hours: [1, 8_760],
  });
  return defineTrigger({
    name,
    emails,
    async evaluate(issue, context) {
      const age = context.now.getTime() - issue.firstSeen.getTime();
      if (age > hours * HOUR) return { notify: false, because: `it is older than ${hours} hours` };
      // All events of so new an issue are in these days.
      const { users } = await context.counts(issue, { days: Math.ceil((hours * HOUR) / DAY) });
      if (users < least) return { notify: false, because: `${users} users are fewer than ${least}` };
      if (isExtension(issue)) return { notify: false, because: IS_EXTENSION };
      const recipients = await context.neverNotified(issue);
      if (recipients.length === 0) return nobodyLeft(context, ALL_NOTIFIED);
      return {
        notify: true,
        because: `it is new (first seen ${ago(age)}) and affected ${estimate(users)} users`,
        recipients,
      };
    },
  });
}

/** `12 minutes ago`, `3 hours ago` */
function ago(milliseconds: number): string {
  const minutes = Math.max(1, Math.round(milliseconds / 60_000));
  if (minutes < 90) return `${plural(minutes, 'minute')} ago`;
  return `${Math.round(minutes / 60)} hours ago`;
}
