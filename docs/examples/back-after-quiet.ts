import type { Trigger } from 'bec-alerts';

const DAY = 86_400_000;
const QUIET_DAYS = 30;

/** Notifies of an old issue that came back after at least 30 days without an event. */
const backAfterQuiet: Trigger = {
  name: 'Back after a quiet month',
  emails: ['oncall@example.com'],
  async evaluate(issue, context) {
    const quietSince = context.now.getTime() - (QUIET_DAYS + 1) * DAY;
    if (issue.firstSeen.getTime() > quietSince) return { notify: false, because: 'it is younger than that' };

    // issue.lastSeen is already the time of the new event. Back means: all events in the window are from yesterday or
    // today. Yesterday counts too, because an event just before midnight may be evaluated just after it.
    const [recent, whole] = await Promise.all([
      context.counts(issue, { days: 1 }),
      context.counts(issue, { days: QUIET_DAYS + 1 }),
    ]);
    if (recent.events === 0 || recent.events < whole.events) {
      return { notify: false, because: `it had events within the last ${QUIET_DAYS} days` };
    }
    const notifiedAt = await Promise.all(
      context.recipients.map((recipient) => context.lastNotified(recipient, issue)),
    );
    const recipients = context.recipients.filter(
      (_, index) => (notifiedAt[index]?.getTime() ?? 0) < quietSince,
    );
    return {
      notify: true,
      because: `it is back after ${QUIET_DAYS} days or more without an event`,
      recipients,
    };
  },
};

export default [backAfterQuiet];
