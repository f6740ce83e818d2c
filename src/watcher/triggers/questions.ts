import type { TriggerContext } from '../../domain/trigger.ts';

// The parts of a trigger's questions, checked: a trigger file may be JavaScript. A run and a trial reject the same.

const MOST_DAYS = 3_650;
const MOST_RANKS = 10_000;

type Window = Parameters<TriggerContext['counts']>[1];
type TopQuestion = Parameters<TriggerContext['top']>[0];
type NotifiedBy = NonNullable<Parameters<TriggerContext['neverNotified']>[1]>;

/** @throws RangeError if `days` is not a whole number in its range */
export function daysOf({ days }: Window): number {
  return wholeNumber('days', days, 0, MOST_DAYS);
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

function wholeNumber(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${shown(value)}`);
}

function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
