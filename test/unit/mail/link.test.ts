import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { issueLink } from '../../../src/mail/link.ts';

const PATTERN = 'https://sentry.example.com/issues/{groupId}/';

describe('the link to an issue', () => {
  it('holds the group id, wherever the pattern has it', () => {
    expect(issueLink(PATTERN, '4200001')).toBe('https://sentry.example.com/issues/4200001/');
    expect(issueLink('http://s.example/?q={groupId}#{groupId}', 'a b')).toBe(
      'http://s.example/?q=a%20b#a%20b',
    );
  });

  it('is absent without a pattern', () => {
    expect(issueLink(undefined, '1')).toBeNull();
  });

  it.each(['', '.', '..'])('is absent where the group id %j would climb out of the path', (groupId) => {
    expect(issueLink(PATTERN, groupId)).toBeNull();
  });

  it.each([
    'javascript:alert({groupId})',
    'data:text/html,{groupId}',
    'file:///{groupId}',
    'no url {groupId}',
  ])('is neither of another protocol nor of none: %s', (pattern) => {
    expect(issueLink(pattern, '1')).toBeNull();
  });

  it('is absent where the group id would name the server', () => {
    expect(issueLink('https://{groupId}.example.com/', 'evil')).toBeNull();
  });

  it('leads to the server of the pattern, within the path, whatever the group id is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 128 }), (groupId) => {
        const link = issueLink(PATTERN, groupId);
        if (link === null) return;
        expect(link).toMatch(/^https:\/\/sentry\.example\.com\/issues\/[^/?#\s<>"]+\/$/);
      }),
    );
  });
});
