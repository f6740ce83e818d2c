import { estimate } from '../domain/estimate.ts';
import type { Issue, RankedIssue } from '../domain/issue.ts';
import { EXTENSION_SCHEMES } from '../domain/stack.ts';
import { DAY } from '../domain/time.ts';
import type { Recipient, Trigger, TriggerContext } from '../domain/trigger.ts';
import { defineTrigger } from '../domain/trigger.ts';
import { isExtension } from './extension.ts';
import { withDefaults } from './options.ts';
import { ALL_NOTIFIED, nobodyLeft, recipientsWhere } from './recipients.ts';

export interface NewTopIssueOptions {
  /** The trigger's name. Default: `New top crasher`. */
  readonly name?: string;
  /** Days before today over which events are counted, 0 to 3,650. Default: 7. */
  readonly days?: number;
  /** The worst rank that is notified, 1 to 9,960. Default: 10. */
  readonly rank?: number;
  /** Only issues with more events than this are notified. Default: 200. */
  readonly moreEventsThan?: number;
  /**
   * The least number of affected users: 5 leaves out one browser in a loop. Issues without a user in any event are not left
   * out. Default: 1.
   */
  readonly users?: number;
  /**
   * Days after which a recipient that only other triggers notified is notified again, if the issue has doubled. Default:
   * 36,500, which is never.
   */
  readonly againAfterDays?: number;
}

const DEFAULTS = {
  name: 'New top crasher',
  days: 7,
  rank: 10,
  moreEventsThan: 200,
  users: 1,
  againAfterDays: 36_500,
};

const RANGES = { days: [0, 3_650], rank: [1, 9_960] } as const;

/** Issues beyond the asked rank that are read if extensions take some of the ranks. */
const EXTENSIONS_AMONG_RANKS = 40;

/**
 * Notifies each recipient once of an issue that is among the most frequent of the week. Recipients that another trigger
 * notified of it are left out. Issues of browser extensions have no rank.
 */
export function newTopIssue(emails: readonly string[], options: NewTopIssueOptions = {}): Trigger {
  const { name, days, rank, moreEventsThan, users, againAfterDays } = withDefaults(
    'newTopIssue',
    options,
    DEFAULTS,
    RANGES,
  );
  const rankingOf = rankingReader(days, rank);
  return defineTrigger({
    name,
    emails,
    async evaluate(issue, context) {
      const ranking = await rankingOf(context);
      const place = ranking.find((ranked) => ranked.issue.id === issue.id);
      if (place === undefined) return { notify: false, because: `it ranks below ${rank}` };
      if (place.events <= moreEventsThan) {
        return {
          notify: false,
          because: `its events over ${days} days (${place.events}) are not more than ${moreEventsThan}`,
        };
      }
      if (place.users > 0 && place.users < users) {
        return { notify: false, because: `${place.users} users are fewer than ${users}` };
      }
      const recipients = await unaware(issue, context, againAfterDays);
      if (recipients.length === 0) return nobodyLeft(context, ALL_NOTIFIED);
      return {
        notify: true,
        because: `it ranks ${place.rank} with ${estimate(place.events)} events over ${days} days`,
        recipients,
      };
    },
  });
}

/**
 * The recipients that no trigger notified of the issue. If the issue has doubled, also those that only another trigger
 * notified, longer ago. They know it as a rare issue, so its rank is news.
 */
async function unaware(
  issue: Issue,
  context: TriggerContext,
  againAfterDays: number,
): Promise<readonly Recipient[]> {
  const never = await context.neverNotified(issue);
  if (never.length === context.recipients.length) return never;
  const neverByThis = await context.neverNotified(issue, 'thisTrigger');
  const since = context.now.getTime() - againAfterDays * DAY;
  const longAgo = await recipientsWhere(
    neverByThis,
    (recipient) => context.lastNotified(recipient, issue),
    (at) => at === null || at.getTime() < since,
  );
  if (longAgo.length === never.length || !(await hasDoubled(issue, context))) return never;
  return longAgo;
}

/**
 * Whether the last 24 hours had twice as many events as a usual day of the week before, and twice as many users. One
 * browser in a loop adds no users. A user counts once in each hour.
 */
async function hasDoubled(issue: Issue, context: TriggerContext): Promise<boolean> {
  const hours = await context.series(issue, { hours: 8 * 24 - 1 });
  const doubled = (count: 'events' | 'users') => {
    const total = (some: typeof hours) => some.reduce((sum, hour) => sum + hour[count], 0);
    return total(hours.slice(-24)) >= (2 * total(hours.slice(0, -24))) / 7;
  };
  return doubled('events') && doubled('users');
}

/**
 * Reads the first ranks without extensions. An extension's issue may have the browser's module, so its frames are read too.
 * All issues of a run get the same ranking, so its frames are read once.
 */
function rankingReader(
  days: number,
  rank: number,
): (context: TriggerContext) => Promise<readonly RankedIssue[]> {
  const cleaned = new WeakMap<readonly RankedIssue[], readonly RankedIssue[]>();
  const withoutExtensions = (ranking: readonly RankedIssue[]) => {
    const own = cleaned.get(ranking) ?? ranksWithoutExtensions(ranking);
    cleaned.set(ranking, own);
    return own;
  };
  return async (context) => {
    const ask = (limit: number) => context.top({ days, limit, excludeModules: EXTENSION_SCHEMES });
    const first = await ask(rank);
    return withoutExtensions(first).length === first.length
      ? first
      : withoutExtensions(await ask(rank + EXTENSIONS_AMONG_RANKS)).slice(0, rank);
  };
}

function ranksWithoutExtensions(ranking: readonly RankedIssue[]): readonly RankedIssue[] {
  return ranking
    .filter((ranked) => !isExtension(ranked.issue))
    .map((ranked, index) => ({ ...ranked, rank: index + 1 }));
}
