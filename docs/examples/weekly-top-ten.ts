import type { Trigger } from 'bec-alerts';

const DAY = 86_400_000;
const RANKS = 10;

/** Notifies each recipient of each of the week's ten most frequent issues, once a calendar week. */
const weeklyTopTen: Trigger = {
  name: 'Weekly top ten',
  emails: ['managers@example.com'],
  async evaluate(issue, context) {
    // The question is the same for every issue, so Postgres gets it only once in a run.
    const ranking = await context.top({ days: 7, limit: RANKS, excludeModules: ['moz-extension'] });
    const place = ranking.find((ranked) => ranked.issue.id === issue.id);
    if (place === undefined) return { notify: false, because: `it is not among the first ${RANKS}` };

    const weekStart = mondayOf(context.now);
    const notifiedAt = await Promise.all(
      context.recipients.map((recipient) => context.lastNotified(recipient, issue)),
    );
    const recipients = context.recipients.filter(
      (_, index) => (notifiedAt[index] ?? new Date(0)) < weekStart,
    );
    const because = `it is number ${place.rank} of the week with about ${place.events.toLocaleString('en-US')} events`;
    return { notify: true, because, recipients };
  },
};

/** Monday 00:00 UTC of the week. 1970 began on a Thursday, three days after a Monday. */
function mondayOf(date: Date): Date {
  const days = Math.floor(date.getTime() / DAY);
  return new Date((days - ((days + 3) % 7)) * DAY);
}

export default [weeklyTopTen];
