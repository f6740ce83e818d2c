// Date.parse alone accepts '5' and 'May 6' as dates, and changes February 30 into a day in March.
const ISO_8601 = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-](\d\d):?(\d\d))?$/;

/** Parses an ISO 8601 date and time of the years 1 to 9999, in UTC if it has no offset. Null for any other text. */
export function instant(text: string): Date | null {
  const match = ISO_8601.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, Number((match[7] ?? '').padEnd(3, '0').slice(0, 3)));
  const exists =
    year >= 1 &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  if (!exists) return null;
  const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (offsetHours > 23 || offsetMinutes > 59) return null;
  const offset = (offsetHours * 60 + offsetMinutes) * (match[8]?.startsWith('-') ? -1 : 1);
  const moved = new Date(date.getTime() - offset * 60_000);
  const movedYear = moved.getUTCFullYear();
  return movedYear >= 1 && movedYear <= 9999 ? moved : null;
}

/** Milliseconds. */
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

/** A window of whole buckets: the current UTC day or hour, and so many before it. */
export interface Window {
  readonly unit: 'day' | 'hour';
  /** Number of buckets before the current one. */
  readonly back: number;
}

/** The UTC day of an instant, as `YYYY-MM-DD`. Buckets have such dates. */
export function utcDay(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** The number of a UTC day, counted from 1970. */
export function dayNumber(date: Date): number {
  return Math.floor(date.getTime() / DAY);
}

/** The first UTC day of a window of buckets with `date >= today - days`. */
export function firstDay(now: Date, days: number): string {
  return utcDay(new Date(now.getTime() - days * DAY));
}

/** The first instant of a window of hour buckets with `hour >= this hour - hours`. */
export function firstHour(now: Date, hours: number): Date {
  return new Date(Math.floor(now.getTime() / HOUR) * HOUR - hours * HOUR);
}

/** `2026-05-06 12:00:00 UTC`, wherever a person reads a time. */
export function time(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
