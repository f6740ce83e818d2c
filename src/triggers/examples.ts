import type { Trigger } from '../domain/trigger.ts';
import { defineTrigger } from '../domain/trigger.ts';

/** Disabled example: notifies of every issue in each run that saw a new event of it. */
export function everyEvent(emails: readonly string[]): Trigger {
  return defineTrigger({
    name: 'Every event',
    enabled: false,
    emails,
    evaluate: () => ({ notify: true, because: 'it had an event since the last run' }),
  });
}

/** Disabled example: notifies each recipient of each issue once. */
export function everyNewIssue(emails: readonly string[]): Trigger {
  return defineTrigger({
    name: 'Every new issue',
    enabled: false,
    emails,
    async evaluate(issue, context) {
      const recipients = await context.neverNotified(issue);
      return recipients.length === 0
        ? { notify: false, because: 'all recipients have been notified' }
        : { notify: true, because: 'you were never notified of it', recipients };
    },
  });
}
