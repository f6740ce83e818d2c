import { EXACT_UP_TO, estimate, margin, number } from '../domain/estimate.ts';
import type { Counts, Issue, StackFrame, TagCount, TagValues } from '../domain/issue.ts';
import { oneLine, plural } from '../domain/text.ts';
import { time } from '../domain/time.ts';

/** Templates have them as `it.estimate`, `it.margin`, `it.number` and `it.time`. */
export { estimate, margin, number, time };

const MAX_TEXT = 1_000;

/** The issue with its texts fit to show: one line each, without control characters or bidirectional overrides. */
export function shownIssue(issue: Issue): Issue {
  return {
    ...issue,
    message: oneLine(issue.message, MAX_TEXT) || '(no text)',
    logMessage: oneLine(issue.logMessage, MAX_TEXT),
    module: oneLine(issue.module, MAX_TEXT),
    firstRelease: issue.firstRelease === null ? null : oneLine(issue.firstRelease, MAX_TEXT),
    environment: issue.environment === null ? null : oneLine(issue.environment, MAX_TEXT),
    stackFrames: issue.stackFrames.map((frame) => ({
      ...frame,
      function: frame.function === null ? null : oneLine(frame.function, MAX_TEXT),
      module: frame.module === null ? null : oneLine(frame.module, MAX_TEXT),
    })),
  };
}

/** The values of tags, fit to show as the texts of an issue are. */
export function shownTags(tags: TagValues): TagValues {
  const shown = (counts: readonly TagCount[]) =>
    counts.map((count) => ({ ...count, value: oneLine(count.value, MAX_TEXT) }));
  return {
    release: shown(tags.release),
    environment: shown(tags.environment),
    browser: shown(tags.browser),
    os: shown(tags.os),
  };
}

/** At most `max` UTF-16 units, the cut shown as `…`. */
export function cut(text: string, max: number): string {
  return oneLine(text, max);
}

/** `12 events, 1 affected user` */
export function counts({ events, users }: Counts): string {
  return `${plural(events, 'event', estimate(events))}, ${plural(users, 'affected user', estimate(users))}`;
}

/** Explains `±` in a footnote; null if all counts are exact. */
export function bandNote(...all: readonly Counts[]): string | null {
  const exact = all.every(({ events, users }) => margin(events) === null && margin(users) === null);
  return exact
    ? null
    : `Counts over ${EXACT_UP_TO} are estimates: 19 times in 20 the true one is within the ± given.`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** `3 days before this alert`; empty for a date after the alert, which a wrong clock may give. */
export function before(date: Date, alertAt: Date): string {
  if (alertAt.getTime() - date.getTime() < -60_000) return '';
  return `${span(date, alertAt) ?? 'less than a minute'} before this alert`;
}

/** `3 days ago`, or `just now` for less than a minute. */
export function ago(date: Date, alertAt: Date): string {
  const passed = span(date, alertAt);
  return passed === null ? 'just now' : `${passed} ago`;
}

function span(from: Date, to: Date): string | null {
  for (const [unit, milliseconds] of UNITS) {
    const whole = Math.floor((to.getTime() - from.getTime()) / milliseconds);
    if (whole >= 1) return plural(whole, unit, number(whole));
  }
  return null;
}

const MOST_LISTED = 5;

/** `a, b and 3 more`. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_LISTED).join(', ');
  return names.length > MOST_LISTED ? `${shown} and ${number(names.length - MOST_LISTED)} more` : shown;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `6 May` for `2026-05-06`. */
export function day(date: string): string {
  return `${Number(date.slice(8, 10))} ${MONTHS[Number(date.slice(5, 7)) - 1] ?? '?'}`;
}

/** `09:00`, in UTC. */
export function hour(date: Date): string {
  return date.toISOString().slice(11, 16);
}

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** A bar for each number, as high as its share of the highest; `·` for none. */
export function bars(values: readonly number[]): string {
  const most = Math.max(...values, 1);
  return values
    .map((value) => (value <= 0 ? '·' : (BLOCKS[Math.ceil((value / most) * BLOCKS.length) - 1] ?? '█')))
    .join('');
}

/** The day or hour with the most events, the later of two; null if there were no events. */
export function busiest<T extends Counts>(buckets: readonly T[]): T | null {
  const most = Math.max(...buckets.map(({ events }) => events), 0);
  return most === 0 ? null : (buckets.findLast(({ events }) => events === most) ?? null);
}

/** `at function(module:line:column)`, without unknown parts. */
export function frame({ function: name, module, line, column }: StackFrame): string {
  if (module === null && line === null && name?.startsWith('…')) return name;
  const place = [module ?? '?', line, column].filter((part) => part !== null).join(':');
  return `at ${name ?? '?'}(${place})`;
}
