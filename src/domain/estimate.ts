/**
 * HyperLogLog, as the buckets use it, keeps every element of a set up to 160, and registers beyond. A set of 161 is
 * estimated at 160 or fewer about every third time, and at 150 or fewer once in some 3,000. So only counts up to 150
 * can be called exact.
 */
export const EXACT_UP_TO = 150;
const STANDARD_ERROR = 0.023;

/** `12,345`. The first `toLocaleString` of a process would take 17 ms. */
export function number(value: number): string {
  return String(Math.round(value)).replace(/(?<=\d)(?=(?:\d{3})+$)/g, ',');
}

/** Half the width of the band that holds the true count 19 times in 20; null where the count is exact. */
export function margin(count: number): number | null {
  if (count <= EXACT_UP_TO) return null;
  const twoSigma = 2 * STANDARD_ERROR * count;
  // Two digits: more would claim to know the error better than the count.
  return Math.round(Number(twoSigma.toPrecision(2)));
}

/** A count of events or users as a person reads it: `12`, or `about 12,345 (± 570)` where it is an estimate. */
export function estimate(count: number): string {
  const band = margin(count);
  return band === null ? number(count) : `about ${number(count)} (± ${number(band)})`;
}
