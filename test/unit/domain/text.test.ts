import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneLine, storable } from '../../../src/domain/text.ts';

describe('storable text', () => {
  it('is well formed, without U+0000 and within its bound, whatever it was', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.integer({ min: 1, max: 20 }),
        (text, max) => {
          const stored = storable(text, max);
          expect(stored.isWellFormed()).toBe(true);
          expect(stored).not.toContain('\0');
          expect(stored.length).toBeLessThanOrEqual(max);
        },
      ),
    );
  });
});

describe('one line', () => {
  it.each([
    ['a\r\nBcc: x@y.z', 'a Bcc: x@y.z'],
    ['a\u2028b\u2029c\u0085d', 'a b c d'],
    ['\u202egnp.exe', 'gnp.exe'],
    ['tab\tand  spaces', 'tab and spaces'],
    ['\u001b[31mred', '[31mred'],
  ])('is made of %j', (text, expected) => {
    expect(oneLine(text, 200)).toBe(expected);
  });

  it('is bounded', () => {
    expect(oneLine('x'.repeat(1_000_000), 200)).toBe(`${'x'.repeat(199)}…`);
  });
});
