import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { silenceCommand } from '../../../src/domain/shell.ts';

const OPTIONS = "--for 8h --because '…'";

/** The words that a shell makes of a pasted line. */
function words(line: string): string[] {
  const script = line.replace(/^bec-alerts/, "printf '%s\\0'");
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

describe('the command that silences an issue', () => {
  it('is plain for a plain id', () => {
    expect(silenceCommand('4200001', OPTIONS)).toBe("bec-alerts silence 4200001 --for 8h --because '…'");
    expect(words(silenceCommand('4200001', OPTIONS))).toEqual([
      'silence',
      '4200001',
      '--for',
      '8h',
      '--because',
      '…',
    ]);
  });

  it.each([
    '; rm -rf /',
    '$(touch /tmp/x)',
    '`id`',
    "it's",
    "'; echo '",
    '"',
    '-x',
    '--end',
    '*',
    '!!',
    '\\',
    '~',
    '{1,2}',
    '#1',
    'ä b',
  ])('gives a shell the id %j as one word, and no option', (id) => {
    expect(words(silenceCommand(id, OPTIONS))).toEqual(
      id.startsWith('-')
        ? ['silence', '--for', '8h', '--because', '…', '--', id]
        : ['silence', id, '--for', '8h', '--because', '…'],
    );
  });
});
