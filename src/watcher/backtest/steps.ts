import type { Step } from '../../db/past.ts';
import { DAY, dayNumber, HOUR } from '../../domain/time.ts';

export interface StepsOptions {
  /** The last step ends now. */
  readonly now: Date;
  /** UTC days before today. */
  readonly days: number;
  /** The first UTC day whose hours are all stored; null if no hour is stored. */
  readonly hoursSince: Date | null;
}

/** The steps of a backtest in order: day by day while only days are stored, then hour by hour. */
export function stepsOf({ now, days, hoursSince }: StepsOptions): Step[] {
  const today = dayNumber(now) * DAY;
  const first = today - days * DAY;
  const hours = Math.max(first, Math.min(hoursSince?.getTime() ?? today + DAY, today + DAY));
  return [...steps('day', first, hours, now), ...steps('hour', hours, now.getTime() + 1, now)];
}

/** The last instant of a step is its end: at midnight a trigger would ask about a new day, which is empty. */
function steps(unit: Step['unit'], from: number, until: number, now: Date): Step[] {
  const length = unit === 'day' ? DAY : HOUR;
  const count = Math.max(0, Math.ceil((until - from) / length));
  return Array.from({ length: count }, (_, index) => {
    const start = from + index * length;
    return { unit, start: new Date(start), end: new Date(Math.min(start + length - 1, now.getTime())) };
  });
}
