import { bucketsOf } from '../../db/buckets.ts';
import { countsOf, topIssues } from '../../db/counts.ts';
import type { Notified, Pair } from '../../db/recipients.ts';
import { notifications } from '../../db/recipients.ts';
import { seriesOf } from '../../db/series.ts';
import { tagsOf } from '../../db/tags.ts';
import type { Transaction } from '../../db/transaction.ts';
import type { BucketCounts, Counts, RankedIssue, TagCount } from '../../domain/issue.ts';
import type { Tag } from '../../domain/tags.ts';
import type { Window } from '../../domain/time.ts';
import { firstDay } from '../../domain/time.ts';
import type { checkedTop } from '../triggers/questions.ts';

/** The question of `top`, with its defaults. */
export type Ranking = ReturnType<typeof checkedTop>;

/**
 * Answers the questions of triggers, about many issues at once. A run and `explain` read the answers from their snapshot. A
 * backtest makes them from what is stored, for a time in the past.
 */
export interface Answers {
  counts(issueIds: readonly string[], window: Window): Promise<ReadonlyMap<string, Counts>>;
  series(issueIds: readonly string[], window: Window): Promise<ReadonlyMap<string, readonly BucketCounts[]>>;
  tags(
    issueIds: readonly string[],
    tag: Tag,
    window: Window,
  ): Promise<(issueId: string) => readonly TagCount[]>;
  top(ranking: Ranking): Promise<readonly RankedIssue[]>;
  /** In the order of the pairs. @param trigger the name of the trigger that asks */
  notified(pairs: readonly Pair[], trigger: string): Promise<readonly Notified[]>;
}

/** Answers from a transaction's snapshot. Each query has a savepoint, so that one that fails doesn't end the run. */
export function answersAt(tx: Transaction, now: Date): Answers {
  return {
    counts: (ids, window) => tx.attempt((db) => countsOf(db, ids, bucketsOf(window, now))),
    series: (ids, window) => tx.attempt((db) => seriesOf(db, ids, bucketsOf(window, now), now)),
    tags: async (ids, tag, window) => {
      const found = await tx.attempt((db) => tagsOf(db, ids, [tag], bucketsOf(window, now).since));
      return (issueId) => found(issueId)[tag];
    },
    top: ({ days, ...ranking }) =>
      tx.attempt((db) => topIssues(db, { ...ranking, since: firstDay(now, days) })),
    notified: (pairs, trigger) => tx.attempt((db) => notifications(db, pairs, trigger)),
  };
}
