import type { Stored } from '../../db/past-stored.ts';
import type { Step } from '../../domain/step.ts';
import { DAY, dayNumber, HOUR } from '../../domain/time.ts';

/**
 * The steps of a backtest in order: day by day while only days are stored, then hour by hour. The last step ends now, the
 * first one begins where days are stored.
 * @param days UTC days before today
 */
export function stepsOf({ now, daysSince, hoursSince }: Stored, days: number): Step[] {
  if (daysSince === null) return [];
  const today = dayNumber(now) * DAY;
  const first = Math.max(today - days * DAY, daysSince.getTime());
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
