import type { Trigger } from 'bec-alerts';

const DAY = 86_400_000;
const QUIET_DAYS = 30;

/** Tells of an old issue that came back after at least 30 days without an event. */
const backAfterQuiet: Trigger = {
  name: 'Back after a quiet month',
  emails: ['oncall@example.com'],
  async evaluate(issue, context) {
    const quietSince = context.now.getTime() - (QUIET_DAYS + 1) * DAY;
    if (issue.firstSeen.getTime() > quietSince) return { notify: false, because: 'it is younger than that' };

    // issue.lastSeen is the new event's already. Back means: all events of that time are yesterday's or today's.
    // Yesterday's too, for the event that came just before midnight and is judged just after it.
    const [recent, whole] = await Promise.all([
      context.counts(issue, { days: 1 }),
      context.counts(issue, { days: QUIET_DAYS + 1 }),
    ]);
    if (recent.events === 0 || recent.events < whole.events) {
      return { notify: false, because: `it had events within the last ${QUIET_DAYS} days` };
    }
    const told = await Promise.all(
      context.recipients.map((recipient) => context.lastNotified(recipient, issue)),
    );
    const recipients = context.recipients.filter((_, index) => (told[index]?.getTime() ?? 0) < quietSince);
    return {
      notify: true,
      because: `it is back after ${QUIET_DAYS} days or more without an event`,
      recipients,
    };
  },
};

export default [backAfterQuiet];
