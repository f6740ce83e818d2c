import type { Tag } from '../../domain/tags.ts';
import { isTag, TAGS } from '../../domain/tags.ts';
import type { Window } from '../../domain/time.ts';
import type { TriggerContext } from '../../domain/trigger.ts';

// The parts of a trigger's questions, checked: a trigger file may be JavaScript. A run and a trial reject the same.

const MOST_DAYS = 3_650;
/** Hour buckets are kept for eight days. */
const MOST_HOURS = 191;
/** A series has a value for each bucket. */
const MOST_DAYS_OF_SERIES = 366;
const MOST_RANKS = 10_000;

type AskedWindow = Parameters<TriggerContext['counts']>[1];
type TopQuestion = Parameters<TriggerContext['top']>[0];
type NotifiedBy = NonNullable<Parameters<TriggerContext['neverNotified']>[1]>;

/**
 * The window of `counts`.
 * @throws RangeError if `days` or `hours` is not a whole number in its range
 * @throws TypeError if the window has both, or neither
 */
export function checkedWindow(asked: AskedWindow, mostDays = MOST_DAYS): Window {
  const { days, hours } = asked as { days?: unknown; hours?: unknown };
  if ((days === undefined) === (hours === undefined)) {
    throw new TypeError('the window must have either days or hours, as in { days: 7 } or { hours: 1 }');
  }
  return hours === undefined
    ? { unit: 'day', back: wholeNumber('days', days, 0, mostDays) }
    : { unit: 'hour', back: wholeNumber('hours', hours, 0, MOST_HOURS) };
}

/** The window of `series`. @throws as `checkedWindow` does */
export function checkedSeriesWindow(asked: AskedWindow): Window {
  return checkedWindow(asked, MOST_DAYS_OF_SERIES);
}

/**
 * The question of `tags`.
 * @throws TypeError if there is no such tag
 * @throws RangeError if `days` is not a whole number in its range
 */
export function checkedTags(
  tag: Tag,
  { days }: { days: number },
): { readonly tag: Tag; readonly window: Window } {
  if (!isTag(tag)) throw new TypeError(`tag must be one of ${TAGS.join(', ')}, not ${shown(tag)}`);
  return { tag, window: { unit: 'day', back: wholeNumber('days', days, 0, MOST_DAYS) } };
}

/**
 * The question with its defaults.
 * @throws RangeError if `days` or `limit` is out of its range
 * @throws TypeError if `by` or `excludeModules` is something else
 */
export function checkedTop({
  days,
  limit,
  by = 'events',
  excludeModules = [],
}: TopQuestion): Required<TopQuestion> {
  if (by !== 'events' && by !== 'users')
    throw new TypeError(`by must be 'events' or 'users', not ${shown(by)}`);
  if (!Array.isArray(excludeModules) || excludeModules.some((prefix) => typeof prefix !== 'string')) {
    throw new TypeError('excludeModules must be an array of texts');
  }
  return {
    days: wholeNumber('days', days, 0, MOST_DAYS),
    limit: wholeNumber('limit', limit, 1, MOST_RANKS),
    by,
    excludeModules,
  };
}

/** @throws TypeError if `by` is something else */
export function checkedBy(by: NotifiedBy = 'anyTrigger'): NotifiedBy {
  if (by === 'anyTrigger' || by === 'thisTrigger') return by;
  throw new TypeError(`neverNotified asks by 'anyTrigger' or 'thisTrigger', not by ${shown(by)}`);
}

function wholeNumber(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${shown(value)}`);
}

function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
