import type { Window } from '../domain/time.ts';
import { DAY, firstDay, firstHour, HOUR } from '../domain/time.ts';

/** The buckets that a question is about: those of a unit since a time. */
export interface Buckets {
  readonly unit: Window['unit'];
  /** A UTC day as `YYYY-MM-DD`, or the first instant of an hour in ISO 8601. */
  readonly since: string;
}

/** All stored days. */
export const EVER: Buckets = { unit: 'day', since: '-infinity' };

const UNITS = {
  day: { table: 'issue_buckets', time: 'date', type: 'date', step: DAY },
  hour: { table: 'issue_hours', time: 'hour', type: 'timestamptz', step: HOUR },
} as const;

/** A unit's table, the column with a bucket's time and its type, and a bucket's length in milliseconds. */
export function columnsOf(unit: Buckets['unit']): (typeof UNITS)[Buckets['unit']] {
  return UNITS[unit];
}

/** The buckets of a window that ends at `now`. */
export function bucketsOf({ unit, back }: Window, now: Date): Buckets {
  return { unit, since: unit === 'day' ? firstDay(now, back) : firstHour(now, back).toISOString() };
}

/** SQL for whether the bucket's `hour` belongs to a UTC day. @param day SQL of the day's date */
export function isHourOf(day: string): string {
  const midnight = `(${day}::date::timestamp AT TIME ZONE 'UTC')`;
  return `hour >= ${midnight} AND hour < ${midnight} + interval '1 day'`;
}
