import { describe, expect, it } from 'vitest';
import { restOf } from '../../../src/processor/timeouts.ts';

describe('the rest of a worker', () => {
  it.each([
    [1, 2_000],
    [2, 4_000],
    [5, 10_000],
    [6, 10_000],
    [512, 10_000],
  ])(
    'lets a pool of %i workers store a batch every two seconds, and takes ten seconds at most',
    (workers, rest) => {
      expect(restOf(workers, 60)).toBe(rest);
    },
  );

  it.each([
    [30, 7_500],
    [5, 1_250],
    [0, 0],
  ])('takes a quarter of a visibility timeout of %i s at most', (visibility, rest) => {
    expect(restOf(16, visibility)).toBe(rest);
  });
});
