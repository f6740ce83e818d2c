import { toSent } from '../../db/issues.ts';
import type { Answers } from './answers.ts';
import type { AnswerOf, Question } from './protocol.ts';

/** Answers a question of the triggers' process, in the form in which the answer is sent. */
export async function answerQuestion(
  answers: Answers,
  question: Question,
): Promise<AnswerOf[Question['of']]> {
  switch (question.of) {
    case 'counts':
      return await answers.counts(question.issueIds, question.window);
    case 'series':
      return await answers.series(question.issueIds, question.window);
    case 'tags': {
      const found = await answers.tags(question.issueIds, question.tag, question.window);
      return new Map(question.issueIds.map((issueId) => [issueId, found(issueId)]));
    }
    case 'top': {
      const ranks = await answers.top(question.ranking);
      return ranks.map((rank) => ({ ...rank, issue: toSent(rank.issue) }));
    }
    case 'notified':
      return await answers.notified(question.pairs, question.trigger);
  }
}
