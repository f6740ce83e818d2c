import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimate, margin, number } from '../../../src/domain/estimate.ts';

it('a number has a comma before each three digits, as in English', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e15, max: 1e15 }), (value) => {
      expect(number(value)).toBe(value.toLocaleString('en-US'));
    }),
  );
  expect(number(999.5)).toBe('1,000');
});

describe('a count', () => {
  it.each([
    [0, '0'],
    [1, '1'],
    [150, '150'],
    [151, 'about 151 (± 7)'],
    [160, 'about 160 (± 7)'],
    [1_000, 'about 1,000 (± 46)'],
    [12_345, 'about 12,345 (± 570)'],
    [98_765_432, 'about 98,765,432 (± 4,500,000)'],
  ])('of %i reads %j', (count, expected) => {
    expect(estimate(count)).toBe(expected);
  });

  it('has a band of twice 2.3 %, to two digits, exactly where it is an estimate', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (count) => {
        const band = margin(count);
        if (count <= 150) expect(band).toBeNull();
        else expect(Math.abs((band ?? 0) - count * 0.046)).toBeLessThan(0.5 + count * 0.046 * 0.05);
      }),
    );
  });
});
