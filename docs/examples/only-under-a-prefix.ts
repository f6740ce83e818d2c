import type { Trigger } from 'bec-alerts';

const PREFIX = 'resource:///modules/sessionstore/';

/** Notifies one team of every new issue in its own modules. */
const ourModules: Trigger = {
  name: 'Session store',
  emails: ['session-store@example.com'],
  subject: ({ issue }) => `[session store] ${issue.message}`,
  async evaluate(issue, context) {
    if (!issue.module.startsWith(PREFIX)) return { notify: false, because: `it is not under ${PREFIX}` };
    return {
      notify: true,
      because: `it was thrown in ${issue.module}, and you were never notified of it`,
      recipients: await context.neverNotified(issue),
    };
  },
};

export default [ourModules];
