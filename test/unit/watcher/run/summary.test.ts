import { describe, expect, it } from 'vitest';
import { createSummaryCounter } from '../../../../src/watcher/run/summary.ts';

describe('a trigger’s summary', () => {
  it('counts reasons that differ in their numbers alone as one, and names the three most frequent', () => {
    const counter = createSummaryCounter('T');
    for (let events = 1; events <= 40; events += 1) counter.declined(`${events} events are too few`);
    for (let times = 0; times < 5; times += 1) counter.declined(undefined);
    for (let times = 0; times < 9; times += 1) counter.declined('it is old');
    counter.declined('a rare reason');
    counter.notified(2);
    expect(counter.summary()).toEqual({
      trigger: 'T',
      notified: 2,
      silenced: 0,
      silences: [],
      declined: 55,
      reasons: [
        { because: '1 events are too few', issues: 40 },
        { because: 'it is old', issues: 9 },
        { because: null, issues: 5 },
      ],
      errors: [],
    });
  });

  it('counts each distinct error, and keeps the first issue that met it', () => {
    const counter = createSummaryCounter('T');
    const error = new Error('no rank for 7');
    counter.failed('7', error);
    counter.failed('8', new Error('no rank for 8'));
    counter.failed('9', new Error('boom'));
    expect(counter.summary().errors).toEqual([
      { error, issueId: '7', issues: 2 },
      { error: expect.objectContaining({ message: 'boom' }), issueId: '9', issues: 1 },
    ]);
  });

  it('is bounded, whatever a trigger returns', () => {
    const counter = createSummaryCounter('T');
    for (let index = 0; index < 5_000; index += 1) {
      const text = index.toString(26).replace(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)] ?? '');
      counter.failed('1', new Error(text));
    }
    expect(counter.summary().errors.length).toBeLessThanOrEqual(1_000);
  });
});
