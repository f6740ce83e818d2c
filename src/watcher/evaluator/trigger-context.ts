import DataLoader from 'dataloader';
import type { Notified, Pair } from '../../db/recipients.ts';
import type { BucketCounts, Counts, Issue, RankedIssue, TagCount } from '../../domain/issue.ts';
import type { Tag } from '../../domain/tags.ts';
import type { Window } from '../../domain/time.ts';
import type { LastAlert, Recipient, TriggerContext } from '../../domain/trigger.ts';
import { frozen } from '../triggers/frozen.ts';
import {
  checkedBy,
  checkedSeriesWindow,
  checkedTags,
  checkedTop,
  checkedWindow,
} from '../triggers/questions.ts';
import type { Answers, Ranking } from './answers.ts';

/** Rankings don't change during a run, so Postgres is asked for each of them once. */
export type RankingCache = Map<string, Promise<readonly RankedIssue[]>>;

/** Answers the questions of all triggers about one page of issues. */
export interface PageQuestions {
  readonly counts: (issueId: string, window: Window) => Promise<Counts>;
  readonly series: (issueId: string, window: Window) => Promise<readonly BucketCounts[]>;
  readonly tags: (issueId: string, tag: Tag, window: Window) => Promise<readonly TagCount[]>;
  readonly top: (ranking: Ranking) => Promise<readonly RankedIssue[]>;
  readonly notified: (pairs: readonly Pair[], trigger: string) => Promise<readonly Notified[]>;
  /** Called when the page is evaluated. A later question throws, so that it can't join the queries of the next page. */
  close(): void;
}

/** Questions that are asked in the same turn of the event loop become one query. @param rankings those of the run so far */
export function openPage(answers: Answers, rankings: RankingCache): PageQuestions {
  let open = true;
  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    if (!open) throw new Error('the question was asked after its evaluation had ended');
    return await question();
  };
  const counts = byWindow<Counts>(async (ids, window) => {
    const found = await ask(() => answers.counts(ids, window));
    return ids.map((id) => Object.freeze(found.get(id) ?? { events: 0, users: 0 }));
  });
  const series = byWindow<readonly BucketCounts[]>(async (ids, window) => {
    const found = await ask(() => answers.series(ids, window));
    return ids.map((id) => frozen(found.get(id) ?? []));
  });
  const tags = byWindow<readonly TagCount[], { tag: Tag; window: Window }>(async (ids, { tag, window }) => {
    const found = await ask(() => answers.tags(ids, tag, window));
    return ids.map((id) => frozen(found(id)));
  });
  return {
    counts,
    series,
    tags: (issueId, tag, window) => tags(issueId, { tag, window }),
    top: (question) => {
      const key = JSON.stringify(question);
      const ranking = rankings.get(key) ?? ask(async () => frozen(await answers.top(question)));
      rankings.set(key, ranking);
      return ranking;
    },
    notified: (pairs, trigger) => ask(() => answers.notified(pairs, trigger)),
    close() {
      open = false;
    },
  };
}

/** Answers a question about one issue; issues that are asked about in the same turn are answered by one call. */
function byWindow<Answer, Question = Window>(
  answer: (issueIds: readonly string[], question: Question) => Promise<Answer[]>,
): (issueId: string, question: Question) => Promise<Answer> {
  const loaders = new Map<string, DataLoader<string, Answer>>();
  return (issueId, question) => {
    const key = JSON.stringify(question);
    const loader = loaders.get(key) ?? new DataLoader<string, Answer>((ids) => answer(ids, question));
    loaders.set(key, loader);
    return loader.load(issueId);
  };
}

/** The trigger that asks. */
export interface Asker {
  readonly name: string;
  readonly recipients: readonly Recipient[];
}

/** The context for one trigger and one page of issues. Shared values are frozen, so triggers can't affect each other. */
export function createContext(questions: PageQuestions, now: Date, asker: Asker): TriggerContext {
  const recipients = frozen(asker.recipients.map((recipient) => ({ ...recipient })));
  // Each trigger has its own: alerts of the triggers before it count as notified.
  const notified = new DataLoader<{ recipient: Recipient; issue: Issue }, Notified, string>(
    (asked) =>
      questions.notified(
        asked.map(({ recipient, issue }) => ({ recipientId: recipient.id, issueId: issue.id })),
        asker.name,
      ),
    { cacheKeyFn: ({ recipient, issue }) => `${recipient.id}:${issue.id}` },
  );
  return {
    // A date can't be frozen, so each asker gets one of its own: setUTCDate on the run's would move the run.
    get now() {
      return new Date(now);
    },
    recipients,
    counts: async (issue, window) => questions.counts(issue.id, checkedWindow(window)),
    series: async (issue, window) => questions.series(issue.id, checkedSeriesWindow(window)),
    tags: async (issue, name, asked) => {
      const { tag, window } = checkedTags(name, asked);
      return questions.tags(issue.id, tag, window);
    },
    top: async (question) => questions.top(checkedTop(question)),
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
    lastAlert: async (recipient, issue) => copyOf((await notified.load({ recipient, issue })).lastAlert),
  };
}

function copyOf(alert: LastAlert | null): LastAlert | null {
  return alert === null ? null : Object.freeze({ ...alert, at: new Date(alert.at) });
}
