import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoff, pause } from '../../../src/runtime/loop.ts';

describe('backoff', () => {
  it('doubles its bound up to the cap', () => {
    const longest = (attempt: number) => backoff(attempt, 100, 1_000, () => 1);
    expect([1, 2, 3, 4, 5, 99].map(longest)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it('is never less than half of the bound, nor more than it', () => {
    const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), random, (attempt, value) => {
        const bound = Math.min(5_000, 200 * 2 ** (attempt - 1));
        const wait = backoff(attempt, 200, 5_000, () => value);
        expect(wait).toBeGreaterThanOrEqual(bound / 2);
        expect(wait).toBeLessThanOrEqual(bound);
      }),
    );
  });
});

describe('pause', () => {
  it('ends at once when the signal fires', async () => {
    const controller = new AbortController();
    const waiting = pause(3_600_000, controller.signal);
    controller.abort();
    await expect(waiting).resolves.toBeUndefined();
  });

  it('does not begin where the signal has fired', async () => {
    await expect(pause(3_600_000, AbortSignal.abort())).resolves.toBeUndefined();
  });
});
