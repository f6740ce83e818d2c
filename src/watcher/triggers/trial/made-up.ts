import type { Counts, Issue, RankedIssue } from '../../../domain/issue.ts';
import type { Recipient, TriggerContext } from '../../../domain/trigger.ts';
import { SAMPLE_ALERT } from '../../../mail/sample-alert.ts';
import { checkedBy, checkedTop, daysOf } from '../questions.ts';

const NOW = SAMPLE_ALERT.ranAt;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
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
    counts: async (_, window) => Object.freeze(countsOf(situation, daysOf(window))),
    top: async (question) => Object.freeze(rankingOf(issue, situation, checkedTop(question))),
    lastNotified: async (recipient) => notifiedAt(recipient),
    neverNotified: async (_, by) => {
      const forgets = checkedBy(by) === 'thisTrigger' && !situation.byThisTrigger;
      return recipients.filter((recipient) => forgets || notifiedAt(recipient) === null);
    },
  };
}

function countsOf({ today, daily }: Situation, days: number): Counts {
  const events = today + daily * days;
  return { events, users: Math.ceil(events / 3) };
}

/** The issue at its rank among others; only the others if it is not ranked or its module is excluded. */
function rankingOf(
  issue: Issue,
  situation: Situation,
  { days, limit, excludeModules }: ReturnType<typeof checkedTop>,
): RankedIssue[] {
  if (situation.rank === null && situation.today === 0) return [];
  const excluded = ({ module }: Issue) => excludeModules.some((prefix) => module.startsWith(prefix));
  const place = situation.rank === null || excluded(issue) ? null : situation.rank;
  const { events } = countsOf(situation, days);
  const length = Math.min(limit, 20);
  return Array.from({ length }, (_, index) => {
    const rank = index + 1;
    const other = { ...SAMPLE_ALERT.issue, id: String(1_000 + rank), groupId: String(4_201_000 + rank) };
    const counted = Math.max(1, events + ((place ?? 0) - rank) * 10);
    const counts = { events: counted, users: Math.ceil(counted / 3) };
    return Object.freeze({ issue: rank === place ? issue : other, rank, ...counts });
  });
}
