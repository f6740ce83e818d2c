import { estimate } from '../domain/estimate.ts';
import type { RankedIssue } from '../domain/issue.ts';
import { EXTENSION_SCHEMES } from '../domain/stack.ts';
import type { Trigger, TriggerContext } from '../domain/trigger.ts';
import { defineTrigger } from '../domain/trigger.ts';
import { isExtension } from './extension.ts';
import { withDefaults } from './options.ts';
import { ALL_NOTIFIED } from './recipients.ts';

export interface NewTopIssueOptions {
  /** The trigger's name. Default: `New top crasher`. */
  readonly name?: string;
  /** Days before today over which events are counted. Default: 7. */
  readonly days?: number;
  /** The worst rank that is notified. Default: 10. */
  readonly rank?: number;
  /** Only issues with more events than this are notified. Default: 200. */
  readonly moreEventsThan?: number;
}

/** Issues beyond the asked rank that are read if extensions take some of the ranks. */
const EXTENSIONS_AMONG_RANKS = 40;

/**
 * Notifies each recipient once of an issue that is among the most frequent of the week. Issues of browser extensions have
 * no rank.
 */
export function newTopIssue(emails: readonly string[], options: NewTopIssueOptions = {}): Trigger {
  const defaults = { name: 'New top crasher', days: 7, rank: 10, moreEventsThan: 200 };
  const { name, days, rank, moreEventsThan } = withDefaults('newTopIssue', options, defaults);
  return defineTrigger({
    name,
    emails,
    async evaluate(issue, context) {
      const ranking = await rankingOf(context, days, rank);
      const place = ranking.find((ranked) => ranked.issue.id === issue.id);
      if (place === undefined) return { notify: false, because: `it ranks below ${rank}` };
      if (place.events <= moreEventsThan) {
        return {
          notify: false,
          because: `its events over ${days} days (${place.events}) are not more than ${moreEventsThan}`,
        };
      }
      const recipients = await context.neverNotified(issue);
      if (recipients.length === 0) return { notify: false, because: ALL_NOTIFIED };
      return {
        notify: true,
        because: `it ranks ${place.rank} with ${estimate(place.events)} events over ${days} days`,
        recipients,
      };
    },
  });
}

/** The first ranks without extensions. An extension's issue may have the browser's module, so its frames are read too. */
async function rankingOf(
  context: TriggerContext,
  days: number,
  rank: number,
): Promise<readonly RankedIssue[]> {
  const ask = (limit: number) => context.top({ days, limit, excludeModules: EXTENSION_SCHEMES });
  const first = await ask(rank);
  if (!first.some((ranked) => isExtension(ranked.issue))) return first;
  const more = await ask(rank + EXTENSIONS_AMONG_RANKS);
  return more
    .filter((ranked) => !isExtension(ranked.issue))
    .slice(0, rank)
    .map((ranked, index) => ({ ...ranked, rank: index + 1 }));
}
