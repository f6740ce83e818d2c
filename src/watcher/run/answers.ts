import { bucketsOf } from '../../db/buckets.ts';
import { countsOf, topIssues } from '../../db/counts.ts';
import { notifications } from '../../db/recipients.ts';
import { seriesOf } from '../../db/series.ts';
import { tagsOf } from '../../db/tags.ts';
import type { Transaction } from '../../db/transaction.ts';
import { firstDay } from '../../domain/time.ts';
import type { Answers } from '../evaluator/answers.ts';

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
