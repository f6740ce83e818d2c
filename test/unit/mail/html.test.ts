import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml, untrustedHtml } from '../../../src/mail/html.ts';
import { readHtml } from '../../support/html.ts';

describe('escaped text', () => {
  it('means itself, between tags and in an attribute', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const escaped = escapeHtml(text);
        expect(escaped).not.toMatch(/[<>"'`]/);
        const { elements, text: read } = readHtml(`<p title="${escaped}">${escaped}</p>`);
        expect(read).toBe(text);
        expect(elements[0]?.attributes.title).toBe(text);
      }),
    );
  });
});

describe('untrusted text', () => {
  it('is read as it was, with spans and places to wrap alone around its pieces', () => {
    const tricky = fc.stringMatching(/^[a-z<>&"'`./:@ ]{0,40}$/);
    fc.assert(
      fc.property(fc.oneof(tricky, fc.string({ unit: 'grapheme' })), (text) => {
        const { elements, text: read } = readHtml(untrustedHtml(text).source);
        expect(read).toBe(text);
        expect(
          elements.every(
            ({ name, attributes }) => /^(span|wbr)$/.test(name) && Object.keys(attributes).length === 0,
          ),
        ).toBe(true);
      }),
    );
  });

  it.each([
    'https://evil.example/login',
    'HTTP://EVIL.EXAMPLE',
    'www.evil.example',
    'evil.example/login',
    'mailto:someone@evil.example',
    '//evil.example',
    'ftp://10.0.0.1/x',
  ])('has no run of text that a mail program would make a link of: %s', (address) => {
    const runs = untrustedHtml(`go to ${address} now`).source.split(/<[^>]*>/);
    for (const run of runs) expect(run).not.toMatch(/\w[.@]\w|:\/\/\w|\w:\/\//);
  });
});
