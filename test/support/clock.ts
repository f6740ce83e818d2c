import { firstHour } from '../../src/domain/time.ts';

/**
 * Does the work, and does it again if an hour of the clock ended meanwhile. Emails, explain and backtest count by the hour,
 * so that both parts of a comparison must be of the same hour.
 * @param work starts from an empty database each time
 */
export async function withinAnHour<T>(work: (hour: Date) => Promise<T>): Promise<T> {
  const hour = currentHour();
  const result = await work(hour);
  return currentHour().getTime() === hour.getTime() ? result : await withinAnHour(work);
}

/** The first instant of the current hour. */
export function currentHour(): Date {
  return firstHour(new Date(), 0);
}
