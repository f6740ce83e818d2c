import type { BucketCounts, Counts, RankedIssue, TagCount } from '../../src/domain/issue.ts';
import { DAY, HOUR } from '../../src/domain/time.ts';
import type { LastAlert, Recipient, TriggerContext } from '../../src/domain/trigger.ts';
import {
  checkedSeriesWindow,
  checkedTags,
  checkedTop,
  checkedWindow,
} from '../../src/watcher/triggers/questions.ts';

export const ANN: Recipient = { id: '1', email: 'ann@example.com' };
export const BOB: Recipient = { id: '2', email: 'bob@example.com' };
export const NOW = new Date('2026-05-06T12:00:00Z');

/** The answers of a made-up run. Each question that isn't answered gets zeros, nothing, or nobody. */
export interface Answers {
  readonly now?: Date;
  readonly counts?: Counts;
  readonly series?: readonly BucketCounts[];
  /** Of each issue's id. */
  readonly releases?: Readonly<Record<string, readonly TagCount[]>>;
  readonly ranking?: readonly RankedIssue[];
  /** Of each recipient's id, by any trigger. */
  readonly notified?: Readonly<Record<string, Date>>;
  /** The trigger's own last alerts, of each recipient's id. */
  readonly alerts?: Readonly<Record<string, LastAlert>>;
}

/** Answers as a run would, and refuses the same questions. Counts are exact, unlike a run's counts over 150. */
export function fakeContext(answers: Answers = {}): TriggerContext {
  const { notified = {}, alerts = {}, releases = {}, ranking = [] } = answers;
  const recipients = [ANN, BOB];
  return {
    now: answers.now ?? NOW,
    recipients,
    counts: async (_, window) => {
      checkedWindow(window);
      return answers.counts ?? countsOf(answers.series ?? [], window);
    },
    series: async (_, window) => {
      checkedSeriesWindow(window);
      return answers.series ?? [];
    },
    tags: async (issue, tag, window) => {
      checkedTags(tag, window);
      return releases[issue.id] ?? [];
    },
    top: async (question) => ranking.slice(0, checkedTop(question).limit),
    lastNotified: async ({ id }) => notified[id] ?? null,
    lastAlert: async ({ id }) => alerts[id] ?? null,
    neverNotified: async (_, by = 'anyTrigger') =>
      recipients.filter(({ id }) => (by === 'anyTrigger' ? notified : alerts)[id] === undefined),
  };
}

/** The counts of the last buckets, if no user comes twice. */
function countsOf(series: readonly BucketCounts[], window: { days: number } | { hours: number }): Counts {
  const back = 'hours' in window ? window.hours : window.days;
  const last = series.slice(-1 - back);
  const sum = (count: 'events' | 'users') => last.reduce((total, bucket) => total + bucket[count], 0);
  return { events: sum('events'), users: sum('users') };
}

/** Buckets of these counts, the last of which is the current one. */
export function bucketsOf(unit: 'day' | 'hour', counts: readonly Counts[], now = NOW): BucketCounts[] {
  const step = unit === 'day' ? DAY : HOUR;
  const current = Math.floor(now.getTime() / step) * step;
  return counts.map((one, index) => ({ ...one, at: new Date(current - (counts.length - 1 - index) * step) }));
}
