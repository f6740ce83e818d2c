import { toSent } from '../../db/issue-row.ts';
import type { Counts } from '../../domain/issue.ts';
import type { Answers } from './answers.ts';
import type { AnswerOf, Question } from './protocol.ts';

/** Answers a question of the triggers' process, in the form in which the answer is sent. */
export async function answerQuestion(
  answers: Answers,
  question: Question,
): Promise<AnswerOf[Question['of']]> {
  switch (question.of) {
    case 'counts':
      return columnsOf(question.issueIds, await answers.counts(question.issueIds, question.window));
    case 'series':
      return await answers.series(question.issueIds, question.window);
    case 'tags': {
      const found = await answers.tags(question.issueIds, question.tag, question.window);
      return new Map(question.issueIds.map((issueId) => [issueId, found(issueId)]));
    }
    case 'top': {
      const ranks = await answers.top(question.ranking);
      return {
        issues: toSent(ranks.map(({ issue }) => issue)),
        ranks: ranks.map(({ issue: _, ...rank }) => rank),
      };
    }
    case 'notified':
      return await answers.notified(question.pairs, question.trigger);
  }
}

function columnsOf(issueIds: readonly string[], counts: ReadonlyMap<string, Counts>): Float64Array {
  const columns = new Float64Array(2 * issueIds.length);
  for (const [index, id] of issueIds.entries()) {
    const { events, users } = counts.get(id) ?? { events: 0, users: 0 };
    columns.set([events, users], 2 * index);
  }
  return columns;
}
