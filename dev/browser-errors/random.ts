/** A number from 0 up to but not 1. */
export type Random = () => number;

/** The same numbers for the same seed, on any machine: sfc32 by Chris Doty-Humphrey (PractRand). */
export function seededRandom(seed: number): Random {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const next = () => {
    const mixed = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + mixed) | 0;
    return (mixed >>> 0) / 2 ** 32;
  };
  // Seeds that differ in a bit start alike; the author's advice is to drop the first dozen.
  for (let round = 0; round < 12; round += 1) next();
  return next;
}

export function pick<T>(random: Random, from: readonly [T, ...T[]]): T {
  return from[Math.floor(random() * from.length)] ?? from[0];
}

/** Draws from 0 up to `count`, the n-th `n ** exponent` times rarer than the first. */
export function zipf(count: number, exponent: number): (random: Random) => number {
  let total = 0;
  const sums = Float64Array.from({ length: count }, (_, index) => {
    total += (index + 1) ** -exponent;
    return total;
  });
  return (random) => firstAbove(sums, random() * total);
}

/** Where the ascending numbers first exceed the limit, by halving. */
function firstAbove(numbers: Float64Array, limit: number): number {
  let [low, high] = [0, numbers.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}
