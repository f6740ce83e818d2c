import type { Trigger } from 'bec-alerts';

const DAY = 86_400_000;
const FLOOR = 100;
const TIMES = 2;

/** Notifies once a day of an issue that has at least twice as many events today as on a usual day. */
const doubledRate: Trigger = {
  name: 'Doubled rate',
  emails: ['oncall@example.com'],
  async evaluate(issue, context) {
    // Questions that are asked together reach Postgres together.
    const [today, week] = await Promise.all([
      context.counts(issue, { days: 0 }),
      context.counts(issue, { days: 7 }),
    ]);
    // Without a floor, an issue that happens once a week would double every time.
    if (today.events < FLOOR) return { notify: false, because: `${today.events} events today are few` };
    // An event belongs to one day, so events may be subtracted. Users may not: one user can come on many days.
    const usual = (week.events - today.events) / 7;
    if (today.events < TIMES * usual) return { notify: false, because: 'today is not twice a usual day' };

    const dayStart = new Date(Math.floor(context.now.getTime() / DAY) * DAY);
    const notifiedAt = await Promise.all(
      context.recipients.map((recipient) => context.lastNotified(recipient, issue)),
    );
    const recipients = context.recipients.filter((_, index) => (notifiedAt[index] ?? new Date(0)) < dayStart);
    const because = `it had about ${today.events} events today, and ${Math.round(usual)} on a usual day of the last week`;
    return { notify: true, because, recipients };
  },
};

export default [doubledRate];
