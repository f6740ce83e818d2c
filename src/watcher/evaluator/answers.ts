import type { Notified, Pair } from '../../db/recipients.ts';
import type { BucketCounts, Counts, RankedIssue, TagCount } from '../../domain/issue.ts';
import type { Tag } from '../../domain/tags.ts';
import type { Window } from '../../domain/time.ts';
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
