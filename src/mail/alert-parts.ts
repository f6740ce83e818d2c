import type { AlertView, Novelty } from '../domain/alert.ts';
import type { Counts, Issue, TagCount } from '../domain/issue.ts';
import { OTHER, TAGS } from '../domain/tags.ts';
import { time } from '../domain/time.ts';
import { day, hour, number } from './format.ts';

// Parts of an alert, for templates: `it.novelty(it.alert)`.

/** `NEW`, `BACK AFTER 12 DAYS`, or `KNOWN SINCE 6 May 2026` if the issue is neither. */
export function novelty(alert: {
  readonly novelty: Novelty;
  readonly issue: Pick<Issue, 'firstSeen'>;
}): string {
  const { novelty: which, issue } = alert;
  if (which.is === 'new') return 'NEW';
  if (which.is === 'back') {
    return which.afterDays === null ? 'BACK AFTER A LONG TIME' : `BACK AFTER ${number(which.afterDays)} DAYS`;
  }
  const since = issue.firstSeen.toISOString();
  return `KNOWN SINCE ${day(since.slice(0, 10))} ${since.slice(0, 4)}`;
}

/** Values of a tag that are named; the others are summed up. */
const VALUES_SHOWN = 3;

/** `Firefox 141 (82 %), Firefox 140 (12 %), others (6 %)`; empty if no event had the tag. */
export function shares(counts: readonly TagCount[]): string {
  const named = counts.filter(({ value }) => value !== OTHER).slice(0, VALUES_SHOWN);
  const rest =
    counts.reduce((sum, { share }) => sum + share, 0) - named.reduce((sum, { share }) => sum + share, 0);
  const values = named.map(({ value, share }) => ({ value, share }));
  if (rest > 0.005) values.push({ value: 'others', share: rest });
  const [only] = values;
  if (values.length === 1 && only !== undefined && only.share > 0.995) return only.value;
  return values.map(({ value, share }) => `${value} (${percent(share)})`).join(', ');
}

function percent(share: number): string {
  return share < 0.01 ? '< 1 %' : `${Math.round(share * 100)} %`;
}

/** An alert is nearly always sent a few minutes after the last event: that need not be said. */
const LONG_AGO = 3_600_000;

const LABELS = { release: 'Release', environment: 'Environment', browser: 'Browser', os: 'OS' } as const;

/** `First seen 2026-04-20 08:15:00 UTC, in release 140.0`, with the last event's time if it is long ago. */
export function seen(issue: Seen, ranAt: Date): string {
  return [firstSeen(issue), ...lastSeen(issue, ranAt)].map(([label, text]) => `${label} ${text}`).join('. ');
}

type Seen = Pick<Issue, 'firstSeen' | 'lastSeen' | 'firstRelease'>;
type Fact = readonly [label: string, text: string];

function firstSeen({ firstSeen: at, firstRelease }: Seen): Fact {
  return ['First seen', `${time(at)}${firstRelease === null ? '' : `, in release ${firstRelease}`}`];
}

function lastSeen({ lastSeen: at }: Seen, ranAt: Date): Fact[] {
  return ranAt.getTime() - at.getTime() > LONG_AGO ? [['Last seen', time(at)]] : [];
}

/** Facts about the events of an issue, for a table: each a label and a text, without those that aren't known. */
export function facts({ issue, tags, ranAt }: AlertView): readonly Fact[] {
  return [
    firstSeen(issue),
    ...lastSeen(issue, ranAt),
    ...TAGS.filter((tag) => tags[tag].length > 0).map((tag) => [LABELS[tag], shares(tags[tag])] as const),
  ];
}

/** A window with its counts, for a table. */
export interface WindowRow {
  readonly label: string;
  readonly counts: Counts;
}

/** The windows of an alert, the newest first. Hours before the first event are left out. */
export function windows(
  alert: Pick<AlertView, 'issue' | 'today' | 'week' | 'hours' | 'lastHour' | 'hourYesterday' | 'ranAt'>,
): readonly WindowRow[] {
  const { issue, today, week, hours, lastHour, hourYesterday } = alert;
  const now = hours.at(-1);
  const rows: WindowRow[] = [];
  if (now !== undefined) rows.push({ label: `Since ${hour(now.at)} UTC`, counts: now });
  if (issue.firstSeen < (now?.at ?? alert.ranAt)) {
    rows.push({ label: `${hour(lastHour.at)} to ${hour(now?.at ?? alert.ranAt)}`, counts: lastHour });
    if (issue.firstSeen < lastHour.at) rows.push({ label: 'Same hour yesterday', counts: hourYesterday });
  }
  rows.push({ label: 'Today (UTC) so far', counts: today }, { label: 'Last 7 days', counts: week });
  return rows;
}

/** Whether charts would say more than the count does: no chart for a single event. */
export function hasCharts({ week, days }: AlertView): boolean {
  return (
    week.events > 1 ||
    days.some(({ events }) => events > 1) ||
    days.filter(({ events }) => events > 0).length > 1
  );
}
