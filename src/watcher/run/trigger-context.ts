import DataLoader from 'dataloader';
import { countsOf, topIssues } from '../../db/counts.ts';
import type { Notified } from '../../db/recipients.ts';
import { notifications } from '../../db/recipients.ts';
import type { Transaction } from '../../db/transaction.ts';
import type { Counts, Issue, RankedIssue } from '../../domain/issue.ts';
import { firstDay } from '../../domain/time.ts';
import type { Recipient, TriggerContext } from '../../domain/trigger.ts';
import { checkedBy, checkedTop, daysOf } from '../triggers/questions.ts';

/** Rankings don't change during a run, so Postgres is asked for each of them once. */
export type RankingCache = Map<string, Promise<readonly RankedIssue[]>>;

/** Answers the questions of all triggers about one page of issues. */
export interface PageQuestions {
  /** Runs a query in a savepoint, so that a query that fails doesn't end the run. */
  readonly ask: Transaction['attempt'];
  readonly counts: (issueId: string, days: number) => Promise<Counts>;
  /** Called when the page is evaluated. A later question throws, so that it can't join the queries of the next page. */
  close(): void;
}

/** Questions that are asked in the same turn of the event loop become one query. */
export function openPage(tx: Transaction, now: Date): PageQuestions {
  let open = true;
  const loaders = new Map<number, DataLoader<string, Counts>>();
  const ask: Transaction['attempt'] = async (work) => {
    if (!open) throw new Error('the question was asked after its evaluation had ended');
    return await tx.attempt(work);
  };
  const loaderOf = (days: number): DataLoader<string, Counts> => {
    const known = loaders.get(days);
    if (known !== undefined) return known;
    const loader = new DataLoader<string, Counts>(async (ids) => {
      const counts = await ask((db) => countsOf(db, ids, firstDay(now, days)));
      return ids.map((id) => Object.freeze(counts.get(id) ?? { events: 0, users: 0 }));
    });
    loaders.set(days, loader);
    return loader;
  };
  return {
    ask,
    counts: (issueId, days) => loaderOf(days).load(issueId),
    close() {
      open = false;
    },
  };
}

/** The trigger that asks. */
export interface Asker {
  readonly name: string;
  readonly recipients: readonly Recipient[];
}

/** The context for one trigger and one page of issues. Shared values are frozen, so triggers can't affect each other. */
export function createContext(
  { ask, counts }: PageQuestions,
  now: Date,
  asker: Asker,
  rankings: RankingCache,
): TriggerContext {
  const recipients = frozen(asker.recipients.map((recipient) => ({ ...recipient })));
  // Each trigger has its own: alerts of the triggers before it count as notified.
  const notified = new DataLoader<{ recipient: Recipient; issue: Issue }, Notified, string>(
    (asked) => {
      const pairs = asked.map(({ recipient, issue }) => ({ recipientId: recipient.id, issueId: issue.id }));
      return ask((db) => notifications(db, pairs, asker.name));
    },
    { cacheKeyFn: ({ recipient, issue }) => `${recipient.id}:${issue.id}` },
  );
  return {
    // A date can't be frozen, so each asker gets one of its own: setUTCDate on the run's would move the run.
    get now() {
      return new Date(now);
    },
    recipients,
    counts: async (issue, window) => counts(issue.id, daysOf(window)),
    top: async (question) => {
      const { days, ...asked } = checkedTop(question);
      const query = { ...asked, since: firstDay(now, days) };
      const key = JSON.stringify(query);
      const ranking = rankings.get(key) ?? ask(async (db) => frozen(await topIssues(db, query)));
      rankings.set(key, ranking);
      return ranking;
    },
    lastNotified: async (recipient, issue) => (await notified.load({ recipient, issue })).lastNotified,
    neverNotified: async (issue, by) => {
      const byAnyTrigger = checkedBy(by) === 'anyTrigger';
      const known = await Promise.all(
        recipients.map(async (recipient) => ({ recipient, ...(await notified.load({ recipient, issue })) })),
      );
      return known
        .filter(({ lastNotified, byThisTrigger }) => !(byAnyTrigger ? lastNotified !== null : byThisTrigger))
        .map(({ recipient }) => recipient);
    },
  };
}

function frozen<T extends object>(list: readonly T[]): readonly T[] {
  return Object.freeze(list.map((one) => Object.freeze(one)));
}
