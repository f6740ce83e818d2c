import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alertSubject, digestSubject, subjectLine } from '../../../src/mail/subject.ts';
import { ANY_CHARACTER } from '../../support/any-character.ts';

describe('a subject', () => {
  it('is one line of at most 200 units without control characters, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: ANY_CHARACTER, maxLength: 500 }), (text) => {
        const subject = subjectLine(text);
        expect(subject.length).toBeGreaterThan(0);
        expect(subject.length).toBeLessThanOrEqual(200);
        expect(subject).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(subject.isWellFormed()).toBe(true);
      }),
    );
  });

  it('shows that it was cut', () => {
    expect(subjectLine('x'.repeat(201))).toBe(`${'x'.repeat(199)}…`);
    expect(subjectLine('x'.repeat(200))).toBe('x'.repeat(200));
  });

  it('is never empty', () => {
    expect(subjectLine(' \r\n')).toBe('(no subject)');
  });
});

describe('the subject of an alert', () => {
  const PREFIX = '[Firefox Browser Errors]';

  it('begins with the error, and ends with the trigger and the prefix', () => {
    expect(alertSubject('TypeError: x is undefined', 'New top crasher', PREFIX)).toBe(
      'TypeError: x is undefined · New top crasher [Firefox Browser Errors]',
    );
  });

  it('has the first 40 characters for the error, whatever the prefix is', () => {
    const error = 'NS_ERROR_NOT_AVAILABLE: Component is not available';
    const subject = alertSubject(error, 'A trigger', `[${'p'.repeat(98)}]`);
    expect(subject.slice(0, 40)).toBe(error.slice(0, 40));
  });

  it('keeps the trigger and the prefix when the error is cut', () => {
    const subject = alertSubject('x'.repeat(1_000), 'New top crasher', PREFIX);
    expect(subject).toHaveLength(200);
    expect(subject.endsWith('x… · New top crasher [Firefox Browser Errors]')).toBe(true);
  });

  it('shows 80 characters of the error even if the trigger’s name is longer than a subject', () => {
    const subject = alertSubject('x'.repeat(1_000), 'y'.repeat(300), PREFIX);
    expect(subject).toBe(`${'x'.repeat(79)}… · ${'y'.repeat(116)}…`);
  });

  it('ends with the trigger where the prefix is empty', () => {
    expect(alertSubject('Error: a', 'Spike', '')).toBe('Error: a · Spike');
    expect(digestSubject('2 alerts', ['Spike', 'Back'], '')).toBe('2 alerts: Spike, Back');
  });
});
