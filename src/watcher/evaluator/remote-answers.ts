import { fromSent } from '../../db/issue-row.ts';
import type { Answers } from './answers.ts';
import type { AnswerOf, Question } from './protocol.ts';

/** Answers that the watcher gives to the triggers' process. */
export interface RemoteAnswers extends Answers {
  answered(id: number, answer: unknown): void;
  failed(id: number, error: Error): void;
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** @param send asks the watcher, which calls `answered` or `failed` with the same id */
export function remoteAnswers(send: (id: number, question: Question) => void): RemoteAnswers {
  const waiting = new Map<number, Waiting>();
  let last = 0;
  const ask = <Of extends keyof AnswerOf>(question: Question & { of: Of }): Promise<AnswerOf[Of]> =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, { resolve: resolve as Waiting['resolve'], reject });
      send(last, question);
    });
  const settle = (id: number): Waiting => {
    const asked = waiting.get(id);
    if (asked === undefined) throw new Error('the watcher answered a question that was not asked');
    waiting.delete(id);
    return asked;
  };
  return {
    counts: async (issueIds, window) => {
      const columns = await ask({ of: 'counts', issueIds, window });
      return new Map(
        issueIds.map((id, index) => [
          id,
          { events: columns[2 * index] ?? 0, users: columns[2 * index + 1] ?? 0 },
        ]),
      );
    },
    series: (issueIds, window) => ask({ of: 'series', issueIds, window }),
    tags: async (issueIds, tag, window) => {
      const found = await ask({ of: 'tags', issueIds, tag, window });
      return (issueId) => found.get(issueId) ?? [];
    },
    top: async (ranking) => {
      const { issues, ranks } = await ask({ of: 'top', ranking });
      return fromSent(issues).flatMap((issue, index) => {
        const rank = ranks[index];
        return rank === undefined ? [] : { ...rank, issue };
      });
    },
    notified: (pairs, trigger) => ask({ of: 'notified', pairs, trigger }),
    answered: (id, answer) => settle(id).resolve(answer),
    failed: (id, error) => settle(id).reject(error),
  };
}
