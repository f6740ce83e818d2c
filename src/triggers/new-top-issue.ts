import { estimate } from '../domain/estimate.ts';
import { EXTENSION_SCHEMES } from '../domain/stack.ts';
import type { Trigger } from '../domain/trigger.ts';
import { defineTrigger } from '../domain/trigger.ts';

const DAYS = 7;
const WORST_RANK = 10;
const MORE_EVENTS_THAN = 200;

/** Notifies each recipient once of an issue that is among the ten most frequent of the week. */
export function newTopIssue(emails: readonly string[]): Trigger {
  return defineTrigger({
    name: 'New top crasher',
    emails,
    async evaluate(issue, context) {
      const ranking = await context.top({ days: DAYS, limit: WORST_RANK, excludeModules: EXTENSION_SCHEMES });
      const place = ranking.find((ranked) => ranked.issue.id === issue.id);
      if (place === undefined) return { notify: false, because: `it ranks below ${WORST_RANK}` };
      if (place.events <= MORE_EVENTS_THAN) {
        return {
          notify: false,
          because: `its events over ${DAYS} days (${place.events}) are not more than ${MORE_EVENTS_THAN}`,
        };
      }
      const recipients = await context.neverNotified(issue);
      if (recipients.length === 0) return { notify: false, because: 'all recipients have been notified' };
      return {
        notify: true,
        because: `it ranks ${place.rank} with ${estimate(place.events)} events over ${DAYS} days`,
        recipients,
      };
    },
  });
}
