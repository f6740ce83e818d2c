import { bucketsOf, columnsOf } from '../../../db/buckets.ts';
import type { BucketCounts, Counts, Issue, RankedIssue, TagCount } from '../../../domain/issue.ts';
import type { Tag } from '../../../domain/tags.ts';
import type { Window } from '../../../domain/time.ts';
import { DAY, HOUR } from '../../../domain/time.ts';
import type { Recipient, TriggerContext } from '../../../domain/trigger.ts';
import { SAMPLE_ALERT } from '../../../mail/sample-alert.ts';
import { frozen } from '../frozen.ts';
import { checkedBy, checkedSeriesWindow, checkedTags, checkedTop, checkedWindow } from '../questions.ts';

const NOW = SAMPLE_ALERT.ranAt;
const ago = (milliseconds: number) => new Date(NOW.getTime() - milliseconds);

/** A made-up issue; `which` completes "a made-up issue". */
export interface MadeUpIssue {
  readonly which: string;
  readonly issue: Issue;
}

export const MADE_UP_ISSUES: readonly MadeUpIssue[] = [
  { which: 'with a stack', issue: SAMPLE_ALERT.issue },
  {
    which: 'without module and stack',
    issue: {
      ...SAMPLE_ALERT.issue,
      id: '2',
      groupId: '4200002',
      message: 'No way',
      module: '',
      firstRelease: null,
      environment: null,
      stackFrames: [],
    },
  },
  {
    which: 'of this minute',
    issue: {
      ...SAMPLE_ALERT.issue,
      id: '3',
      groupId: '4200003',
      firstSeen: ago(20_000),
      lastSeen: ago(10_000),
    },
  },
  {
    which: 'of two years ago',
    issue: { ...SAMPLE_ALERT.issue, id: '4', groupId: '4200004', firstSeen: ago(730 * DAY) },
  },
];

/** Made-up counts and notified recipients. `which` completes "a made-up issue with". */
export interface Situation {
  readonly which: string;
  /** Events of today, and of each day before it. */
  readonly today: number;
  readonly daily: number;
  /** The issue's rank; null if it is not ranked. */
  readonly rank: number | null;
  /** When any trigger last notified the recipient at this place; null for never. */
  readonly lastNotified: (place: number) => Date | null;
  /** Whether it was the trigger that is tried. */
  readonly byThisTrigger: boolean;
}

/** Together they lead into most branches: no event and very many, notified by nobody, by another and by this one. */
export const SITUATIONS: readonly Situation[] = [
  {
    which: 'no event and no notification',
    today: 0,
    daily: 0,
    rank: null,
    lastNotified: () => null,
    byThisTrigger: false,
  },
  {
    which: 'few events and no notification',
    today: 3,
    daily: 1,
    rank: null,
    lastNotified: () => null,
    byThisTrigger: false,
  },
  {
    which: 'a million events, all of them today, and no notification',
    today: 1_200_000,
    daily: 0,
    rank: 1,
    lastNotified: () => null,
    byThisTrigger: false,
  },
  {
    which: 'many events and a notification of every recipient an hour ago',
    today: 520,
    daily: 350,
    rank: 4,
    lastNotified: () => ago(HOUR),
    byThisTrigger: true,
  },
  {
    which: 'many events and an old notification of the first recipient by another trigger',
    today: 520,
    daily: 350,
    rank: 1,
    lastNotified: (place) => (place === 0 ? ago(100 * DAY) : null),
    byThisTrigger: false,
  },
];

/** Answers every question about a made-up issue as a run would, and rejects the same questions. */
export function madeUpContext(issue: Issue, situation: Situation, emails: readonly string[]): TriggerContext {
  const recipients: readonly Recipient[] = Object.freeze(
    emails.map((email, index) => Object.freeze({ id: String(index + 1), email })),
  );
  const notifiedAt = ({ id }: Recipient) =>
    situation.lastNotified(recipients.findIndex((recipient) => recipient.id === id));
  return {
    get now() {
      return new Date(NOW);
    },
    recipients,
    counts: async (_, window) => Object.freeze(countsOf(situation, checkedWindow(window))),
    series: async (_, window) => frozen(seriesOf(situation, checkedSeriesWindow(window))),
    tags: async (_, name, asked) => {
      const { tag, window } = checkedTags(name, asked);
      return frozen(tagsOf(issue, situation, tag, window));
    },
    top: async (question) => Object.freeze(rankingOf(issue, situation, checkedTop(question))),
    lastNotified: async (recipient) => notifiedAt(recipient),
    neverNotified: async (_, by) => {
      const forgets = checkedBy(by) === 'thisTrigger' && !situation.byThisTrigger;
      return recipients.filter((recipient) => forgets || notifiedAt(recipient) === null);
    },
    lastAlert: async (recipient) => {
      const at = situation.byThisTrigger ? notifiedAt(recipient) : null;
      return at === null ? null : Object.freeze({ at, ...counts(situation.daily) });
    },
  };
}

function countsOf(situation: Situation, { unit, back }: Window): Counts {
  return counts(eventsAt(situation, unit, true) + eventsAt(situation, unit, false) * back);
}

/** A quarter of today's events are of the current hour, and of those before today each hour has its share. */
function eventsAt({ today, daily }: Situation, unit: Window['unit'], isCurrent: boolean): number {
  if (unit === 'day') return isCurrent ? today : daily;
  return Math.ceil(isCurrent ? today / 4 : daily / 24);
}

function counts(events: number): Counts {
  return { events, users: Math.ceil(events / 3) };
}

function seriesOf(situation: Situation, { unit, back }: Window): BucketCounts[] {
  const first = new Date(bucketsOf({ unit, back }, NOW).since);
  const { step } = columnsOf(unit);
  return Array.from({ length: back + 1 }, (_, index) => ({
    at: new Date(first.getTime() + index * step),
    ...counts(eventsAt(situation, unit, index === back)),
  }));
}

/** The first event's value and a newer one; nothing if no event was counted. */
function tagsOf(issue: Issue, situation: Situation, tag: Tag, window: Window): TagCount[] {
  const { events } = countsOf(situation, window);
  if (events === 0) return [];
  const newer = { value: VALUES[tag], events: Math.ceil(events * 0.75), share: 0.75, firstSeen: ago(HOUR) };
  const older = { events: Math.floor(events * 0.25), share: 0.25, firstSeen: issue.firstSeen };
  const value = tag === 'release' ? issue.firstRelease : tag === 'environment' ? issue.environment : null;
  return value === null ? [newer] : [newer, { value, ...older }];
}

const VALUES: Readonly<Record<Tag, string>> = {
  release: '141.0',
  environment: 'production',
  browser: 'Firefox 141',
  os: 'Windows',
};

/** The issue at its rank among others; only the others if it is not ranked or its module is excluded. */
function rankingOf(
  issue: Issue,
  situation: Situation,
  { days, limit, excludeModules }: ReturnType<typeof checkedTop>,
): RankedIssue[] {
  if (situation.rank === null && situation.today === 0) return [];
  const excluded = ({ module }: Issue) => excludeModules.some((prefix) => module.startsWith(prefix));
  const place = situation.rank === null || excluded(issue) ? null : situation.rank;
  const { events } = countsOf(situation, { unit: 'day', back: days });
  const length = Math.min(limit, 20);
  return Array.from({ length }, (_, index) => {
    const rank = index + 1;
    const other = { ...SAMPLE_ALERT.issue, id: String(1_000 + rank), groupId: String(4_201_000 + rank) };
    const counted = Math.max(1, events + ((place ?? 0) - rank) * 10);
    const counts = { events: counted, users: Math.ceil(counted / 3) };
    return Object.freeze({ issue: rank === place ? issue : other, rank, ...counts });
  });
}
