import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellWord } from '../../../src/domain/shell.ts';

describe('a word in a printed command', () => {
  it('stays as it is if a shell reads it as one plain word', () => {
    expect(shellWord('4200001')).toBe('4200001');
    expect(shellWord('a.b-c_d:9@x')).toBe('a.b-c_d:9@x');
  });

  it('is quoted otherwise, so that a shell reads exactly its characters', () => {
    const words = [
      ...["'", '', 'two words', '$(touch x)', '`touch x`', '"', '\\', '!!', '~', '*', '#', ';', '&'],
      ...fc.sample(fc.string({ unit: 'grapheme', maxLength: 20 }), { numRuns: 200, seed: 1 }),
    ].filter((word) => !/[\0\n]/.test(word));
    const script = `printf '%s\\n' ${words.map(shellWord).join(' ')}`;
    const printed = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
    expect(printed.split('\n').slice(0, -1)).toEqual(words);
  });
});
