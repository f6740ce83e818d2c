import { describe, expect, it } from 'vitest';
import { createSendRate } from '../../../../src/watcher/delivery/send-rate.ts';

const never = new AbortController().signal;

/** A pace on a clock that the test moves; the jitter is all there is. */
function paceAt(emailsPerSecond: number) {
  const clock = { now: 1_000 };
  const pace = createSendRate(
    async () => emailsPerSecond,
    () => 1,
    () => clock.now,
  );
  return { clock, pace };
}

describe('the pace', () => {
  it('pauses longer with each throttle, five minutes at most, and starts again after an answer', () => {
    const { pace } = paceAt(10);
    const waits = Array.from({ length: 12 }, () => pace.throttled());
    expect(waits.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(waits.at(-1)).toBe(300_000);
    expect(pace.pausedFor()).toBe(300_000);
    pace.answered();
    expect(pace.throttled()).toBe(1_000);
  });

  it('is held up by failures only once they are not one alert’s', () => {
    const { pace } = paceAt(10);
    pace.failed();
    pace.failed();
    expect(pace.pausedFor()).toBeLessThanOrEqual(0);
    pace.failed();
    expect(pace.pausedFor()).toBe(1_000);
    pace.failed();
    expect(pace.pausedFor()).toBe(2_000);
  });

  it('goes on by itself when the pause is over', () => {
    const { clock, pace } = paceAt(10);
    pace.throttled();
    clock.now += 1_000;
    expect(pace.pausedFor()).toBe(0);
  });

  it('asks for the rate once, and not before the first email', async () => {
    let asked = 0;
    const pace = createSendRate(async () => {
      asked += 1;
      return 10_000;
    });
    expect(asked).toBe(0);
    await pace.turn(never);
    await pace.turn(never);
    expect(asked).toBe(1);
  });

  it('asks again after five minutes where there was no answer', async () => {
    const clock = { now: 1_000 };
    const answers = [null, 10_000];
    let asked = 0;
    const pace = createSendRate(
      async () => answers[asked++] ?? null,
      () => 1,
      () => clock.now,
    );
    for (const [minutes, times] of [
      [0, 1],
      [4, 1],
      [5, 2],
      [11, 2],
    ] as const) {
      clock.now = 1_000 + minutes * 60_000;
      await pace.turn(never);
      expect(asked).toBe(times);
    }
  });
});
