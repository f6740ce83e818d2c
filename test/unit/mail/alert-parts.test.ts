import { describe, expect, it } from 'vitest';
import type { TagCount } from '../../../src/domain/issue.ts';
import { facts, hasCharts, novelty, shares, windows } from '../../../src/mail/alert-parts.ts';
import { SAMPLE_ALERT } from '../../../src/mail/sample-alert.ts';

const count = (value: string, share: number): TagCount => ({
  value,
  share,
  events: 1,
  firstSeen: SAMPLE_ALERT.ranAt,
});

describe('novelty', () => {
  const { issue } = SAMPLE_ALERT;

  it.each([
    [{ is: 'new' }, 'NEW'],
    [{ is: 'back', afterDays: 12 }, 'BACK AFTER 12 DAYS'],
    [{ is: 'back', afterDays: null }, 'BACK AFTER A LONG TIME'],
    [{ is: 'known' }, 'KNOWN SINCE 20 Apr 2026'],
  ] as const)('is said in words: %j', (which, words) => {
    expect(novelty({ issue, novelty: which })).toBe(words);
  });
});

describe('the shares of a tag', () => {
  it.each([
    ['nothing without values', [], ''],
    ['the value alone where every event has it', [count('nightly', 1)], 'nightly'],
    ['a share where some events lack the tag', [count('nightly', 0.4)], 'nightly (40 %)'],
    ['a share below 1 %', [count('a', 0.996), count('b', 0.004)], 'a (100 %), b (< 1 %)'],
    [
      'three values, and the others as one',
      [count('a', 0.5), count('b', 0.2), count('c', 0.1), count('d', 0.1), count('(other)', 0.1)],
      'a (50 %), b (20 %), c (10 %), others (20 %)',
    ],
  ])('are %s', (_, counts, expected) => {
    expect(shares(counts)).toBe(expected);
  });
});

describe('the facts of an alert', () => {
  it('name the last event only if it is long ago', () => {
    const labels = (lastSeen: Date) =>
      facts({ ...SAMPLE_ALERT, issue: { ...SAMPLE_ALERT.issue, lastSeen } }).map(([label]) => label);
    expect(labels(new Date('2026-05-06T11:58:00Z'))).not.toContain('Last seen');
    expect(labels(new Date('2026-05-06T10:58:00Z'))).toContain('Last seen');
  });

  it('leave out tags without values', () => {
    const tags = { ...SAMPLE_ALERT.tags, release: [], browser: [] };
    expect(facts({ ...SAMPLE_ALERT, tags }).map(([label]) => label)).toEqual([
      'First seen',
      'Environment',
      'OS',
    ]);
  });
});

describe('the windows of an alert', () => {
  const labels = (firstSeen: string) =>
    windows({ ...SAMPLE_ALERT, issue: { ...SAMPLE_ALERT.issue, firstSeen: new Date(firstSeen) } }).map(
      ({ label }) => label,
    );
  const always = ['Today (UTC) so far', 'Last 7 days'];

  it.each([
    ['2026-05-06T12:00:00Z', ['Since 12:00 UTC', ...always]],
    ['2026-05-06T11:00:00Z', ['Since 12:00 UTC', '11:00 to 12:00', ...always]],
    ['2026-05-06T10:59:59Z', ['Since 12:00 UTC', '11:00 to 12:00', 'Same hour yesterday', ...always]],
  ])('begin with the first event, %s', (firstSeen, expected) => {
    expect(labels(firstSeen)).toEqual(expected);
  });
});

describe('charts', () => {
  const days = (...events: number[]) =>
    events.map((each) => ({ date: '2026-05-06', events: each, users: 0 }));
  const week = (events: number) => ({ events, users: 0 });

  it.each([
    ['no', 1, days(0, 0, 1), false],
    ['no, where the only event is older than a week', 0, days(1, 0, 0), false],
    ['yes, for two events on a day', 2, days(0, 0, 2), true],
    ['yes, for two days', 1, days(1, 0, 1), true],
  ])('are shown: %s', (_, events, shown, expected) => {
    expect(hasCharts({ ...SAMPLE_ALERT, week: week(events), days: shown })).toBe(expected);
  });
});
