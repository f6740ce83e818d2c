import { describe, expect, it } from 'vitest';
import type { Silence, SilenceEnd } from '../../../src/domain/silence.ts';
import { covers, holdsAt, longest, scopeOf, untilWhen, usersNow } from '../../../src/domain/silence.ts';

const AT = new Date('2026-05-06T12:00:00Z');
const later = (minutes: number): SilenceEnd => ({ until: new Date(AT.getTime() + minutes * 60_000) });

function silence(end: SilenceEnd, overrides: Partial<Silence> = {}): Silence {
  const texts = { because: 'known', by: 'ann' };
  return { id: '1', trigger: null, end, ...texts, createdAt: AT, endedAt: null, ...overrides };
}

describe('a silence', () => {
  it('by time holds until its time, and no longer', () => {
    expect(holdsAt(silence(later(1)), AT, null)).toBe(true);
    expect(holdsAt(silence(later(0)), AT, null)).toBe(false);
  });

  it('by users holds until that many are affected', () => {
    expect(holdsAt(silence({ usersOver: 500 }), AT, 499)).toBe(true);
    expect(holdsAt(silence({ usersOver: 500 }), AT, 500)).toBe(false);
  });

  it('that was ended no longer holds', () => {
    expect(holdsAt(silence(later(60), { endedAt: AT }), AT, null)).toBe(false);
    expect(holdsAt(silence({ usersOver: 500 }, { endedAt: AT }), AT, 1)).toBe(false);
  });

  it('covers all triggers, or the one that it names', () => {
    expect(covers(silence(later(1)), 'Spike')).toBe(true);
    expect(covers(silence(later(1), { trigger: 'Spike' }), 'Spike')).toBe(true);
    expect(covers(silence(later(1), { trigger: 'Spike' }), 'spike')).toBe(false);
  });

  it('is described by its end and its triggers', () => {
    expect(untilWhen(silence(later(30)))).toBe('until 2026-05-06 12:30:00 UTC');
    expect(untilWhen(silence({ usersOver: 1_500 }))).toBe('until 1,500 users are affected');
    expect(untilWhen(silence({ usersOver: 1 }))).toBe('until 1 user is affected');
    expect(scopeOf(silence(later(1)))).toBe('all triggers');
    expect(scopeOf(silence(later(1), { trigger: 'Spike' }))).toBe('trigger Spike');
    expect([usersNow(150), usersNow(12_345)]).toEqual(['150', 'about 12,345']);
  });
});

describe('the longest of several silences', () => {
  it('is the one that ends last, and one by users is longer than any by time', () => {
    const [short, long] = [silence(later(1)), silence(later(60))];
    const [few, many] = [silence({ usersOver: 2 }), silence({ usersOver: 900 })];
    expect(longest([short, long])).toBe(long);
    expect(longest([long, few, short])).toBe(few);
    expect(longest([many, few])).toBe(many);
    expect(longest([])).toBeUndefined();
  });
});
