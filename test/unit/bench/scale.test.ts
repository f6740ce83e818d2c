import { describe, expect, it } from 'vitest';
import { expectedRows, shares } from '../../../bench/scale/expected.ts';
import { seededRandom, zipf } from '../../../dev/browser-errors/random.ts';

describe('the rows that a number of events needs', () => {
  it('are as many as the made-up browser errors have different issues', () => {
    const random = seededRandom(3);
    const rank = zipf(5_000, 1.1);
    const drawn = new Set(Array.from({ length: 10_000 }, () => rank(random)));
    const { buckets } = expectedRows(shares(5_000), 10_000);
    expect(Math.abs(buckets / drawn.size - 1)).toBeLessThan(0.03);
  });

  it('include all events of rare issues as samples of tags, and few of the frequent ones', () => {
    expect(expectedRows(new Float64Array([1]), 100).tags).toBe(100);
    expect(expectedRows(new Float64Array([1]), 128 * Math.E).tags).toBeCloseTo(256);
  });
});
