import type { Trigger } from '../../src/index.ts';

/** Each recipient is notified of each issue once by each trigger, so the alerts of a run can be predicted. */
export const RECIPIENTS = ['first@example.com', 'second@example.com'];
export const NEW_ISSUE = 'New issue';
export const TEN_USERS = 'Ten users';
export const MANY_USERS = 10;

export default [
  {
    name: NEW_ISSUE,
    emails: RECIPIENTS,
    async evaluate(issue, context) {
      const recipients = await context.neverNotified(issue, 'thisTrigger');
      if (recipients.length === 0) return { notify: false };
      return { notify: true, because: 'nobody was notified of it', recipients };
    },
  },
  {
    name: TEN_USERS,
    emails: RECIPIENTS,
    async evaluate(issue, context) {
      const { users } = await context.counts(issue, { days: 7 });
      const recipients = await context.neverNotified(issue, 'thisTrigger');
      if (users < MANY_USERS || recipients.length === 0) return { notify: false };
      return { notify: true, because: `${users} users are affected`, recipients };
    },
  },
] satisfies Trigger[];
