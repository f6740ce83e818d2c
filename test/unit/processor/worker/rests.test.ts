import { describe, expect, it } from 'vitest';
import { createRecentRests } from '../../../../src/processor/recent-rests.ts';
import { createRests } from '../../../../src/processor/worker/rests.ts';

interface Round {
  readonly messages: number;
  readonly took: number;
}

/** The next rest of a worker after these rounds. @param known rests of other workers */
function restAfter(rounds: readonly Round[], known: readonly number[] = []): number {
  const rests = createRests(createRecentRests(known));
  for (const { messages, took } of rounds) rests.stored(messages, took, false);
  return rests.next();
}

const slow = { messages: 10, took: 50 };
const quick = { messages: 10, took: 17 };

describe('the rest of a worker', () => {
  it.each([
    ['no round', []],
    ['rounds of usual length', [quick, quick, quick, quick]],
    ['large rounds of usual length', Array.from({ length: 4 }, () => ({ messages: 400, took: 95 }))],
    ['three slow rounds', [slow, slow, slow]],
    ['a quick round among slow ones', [slow, slow, quick, slow, slow]],
  ])('is 0 after %s', (_, rounds) => {
    expect(restAfter(rounds)).toBe(0);
  });

  it('is 20 times what the quickest of four slow rounds took more than usual', () => {
    expect(restAfter([slow, { messages: 10, took: 40 }, slow, slow])).toBe(460);
  });

  it('does not count the way to a distant database', () => {
    const rests = createRests(createRecentRests());
    rests.checked(150);
    for (let count = 0; count < 4; count += 1) rests.stored(10, 190, false);
    expect(rests.next()).toBe(460);
  });

  it('counts half a second of that way at most, because a check can be slow too', () => {
    const rests = createRests(createRecentRests());
    rests.checked(20_000);
    for (let count = 0; count < 4; count += 1) rests.stored(0, 525, false);
    expect(rests.next()).toBe(200);
  });

  it('is 0 after a round that left messages in the queue, however slow it was', () => {
    const rests = createRests(createRecentRests([700, 700, 700, 700]));
    expect(rests.stored(10, 5_000, true)).toBe(0);
    expect(rests.next()).toBe(0);
  });

  it('is never longer than ten seconds', () => {
    expect(restAfter(Array.from({ length: 4 }, () => ({ messages: 1, took: 30_000 })))).toBe(10_000);
  });

  it('begins with the last rounds of other workers', () => {
    expect(restAfter([], [300, 700, 700, 700])).toBe(300);
    expect(restAfter([], [700, 700])).toBe(0);
    expect(restAfter([quick], [700, 700, 700, 700])).toBe(0);
  });

  it('grows over workers that each store two rounds', () => {
    const pool = createRecentRests();
    for (let worker = 0; worker < 4; worker += 1) {
      const rests = createRests(createRecentRests(pool.all()));
      for (const took of [50 + worker * 100, 50 + worker * 100]) pool.add(rests.stored(10, took, false));
    }
    expect(pool.shortest()).toBe((250 - 17) * 20);
  });
});
