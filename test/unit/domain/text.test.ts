import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneLine, plainLines, storable } from '../../../src/domain/text.ts';
import { ANY_CHARACTER } from '../../support/any-character.ts';

describe('storable text', () => {
  it('is well formed, without U+0000 and within its bound, for any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: ANY_CHARACTER, maxLength: 40 }),
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
    ['soft\u00adhyphen\u2060joined\u{e0041}tagged', 'soft hyphen joined tagged'],
    [`a${'\u0301'.repeat(50)}b`, `a${'\u0301'.repeat(4)}b`],
    ['नमस्ते, Việt Nam, 😀', 'नमस्ते, Việt Nam, 😀'],
  ])('is made of %j', (text, expected) => {
    expect(oneLine(text, 200)).toBe(expected);
  });

  it('is bounded', () => {
    expect(oneLine('x'.repeat(1_000_000), 200)).toBe(`${'x'.repeat(199)}…`);
  });
});

describe('plain lines', () => {
  it.each([
    ['a\r\nb\rc\u2028d\u0085e\vf', 'a\nb\nc\nd\ne\nf'],
    ['tab\tkept', 'tab\tkept'],
    ['\u202egnp.exe\u0000\u001b[31m', 'gnp.exe[31m'],
  ])('are made of %j', (text, expected) => {
    expect(plainLines(text, 200)).toBe(expected);
  });

  it('are bounded', () => {
    expect(plainLines('x\n'.repeat(200), 100)).toHaveLength(100);
  });
});
