import { describe, expect, it } from 'vitest';
import { restOf } from '../../../src/processor/timeouts.ts';

describe('the rest of a worker', () => {
  it.each([
    [1, 1_500],
    [2, 3_000],
    [6, 9_000],
    [7, 10_000],
    [512, 10_000],
  ])(
    'lets a pool of %i workers store a batch about each 1.5 seconds, and takes ten seconds at most',
    (workers, rest) => {
      expect(restOf(workers)).toBe(rest);
    },
  );
});
