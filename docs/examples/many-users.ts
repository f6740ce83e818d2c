import type { Trigger } from 'bec-alerts';

const USERS = 500;

/** Notifies each recipient once of an issue that affected more than 500 users within the last seven days. */
const manyUsers: Trigger = {
  name: 'Many users',
  emails: ['oncall@example.com'],
  async evaluate(issue, context) {
    const { users } = await context.counts(issue, { days: 7 });
    if (users <= USERS) return { notify: false, because: `${users} users are not more than ${USERS}` };
    return {
      notify: true,
      because: `it affected about ${users.toLocaleString('en-US')} users over 7 days, more than ${USERS}`,
      recipients: await context.neverNotified(issue),
    };
  },
};

export default [manyUsers];
