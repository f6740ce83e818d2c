import DataLoader from 'dataloader';
import { countsOf, topIssues } from '../db/counts.ts';
import { lastNotified } from '../db/recipients.ts';
import type { Transaction } from '../db/transaction.ts';
import type { Counts, Issue, RankedIssue } from '../domain/issue.ts';
import { utcDay } from '../domain/time.ts';
import type { Recipient, TriggerContext } from '../domain/trigger.ts';

const MOST_DAYS = 3_650;
const MOST_RANKS = 10_000;

/** Answers of one run that hold for all of it: rankings, each asked of Postgres once. */
export type RankingCache = Map<string, Promise<readonly RankedIssue[]>>;

/**
 * The context for one trigger and one page of issues. Questions that are asked in the same turn of the event
 * loop go to Postgres as one; each in a savepoint, so that one that fails doesn't cost the run.
 */
export function createContext(
  tx: Transaction,
  now: Date,
  recipients: readonly Recipient[],
  rankings: RankingCache,
): TriggerContext {
  const countsByDays = new Map<number, DataLoader<string, Counts>>();
  const notified = new DataLoader<{ recipient: Recipient; issue: Issue }, Date | null, string>(
    (asked) => {
      const pairs = asked.map(({ recipient, issue }) => ({ recipientId: recipient.id, issueId: issue.id }));
      return tx.attempt((db) => lastNotified(db, pairs));
    },
    { cacheKeyFn: ({ recipient, issue }) => `${recipient.id}:${issue.id}` },
  );

  const countsLoader = (days: number): DataLoader<string, Counts> => {
    const known = countsByDays.get(days);
    if (known !== undefined) return known;
    const since = firstDay(now, days);
    const loader = new DataLoader<string, Counts>(async (ids) => {
      const counts = await tx.attempt((db) => countsOf(db, ids, since));
      return ids.map((id) => counts.get(id) ?? { events: 0, users: 0 });
    });
    countsByDays.set(days, loader);
    return loader;
  };

  return {
    now,
    recipients,
    counts: async (issue, { days }) => countsLoader(wholeNumber('days', days, 0, MOST_DAYS)).load(issue.id),
    top: async ({ days, limit, by = 'events', excludeModules = [] }) => {
      const query = {
        since: firstDay(now, wholeNumber('days', days, 0, MOST_DAYS)),
        limit: wholeNumber('limit', limit, 1, MOST_RANKS),
        by: by === 'users' ? ('users' as const) : ('events' as const),
        excludeModules,
      };
      const key = JSON.stringify(query);
      const ranking = rankings.get(key) ?? tx.attempt((db) => topIssues(db, query));
      rankings.set(key, ranking);
      return ranking;
    },
    lastNotified: (recipient, issue) => notified.load({ recipient, issue }),
    neverNotified: async (issue) => {
      const dates = await Promise.all(recipients.map((recipient) => notified.load({ recipient, issue })));
      return recipients.filter((_, index) => dates[index] === null);
    },
  };
}

/** The first UTC day of a window: `date >= today - days`. */
export function firstDay(now: Date, days: number): string {
  return utcDay(new Date(now.getTime() - days * 86_400_000));
}

function wholeNumber(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${value}`);
}
