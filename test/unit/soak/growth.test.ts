import { describe, expect, it } from 'vitest';
import { growthOf, leaks, measure } from '../../soak/growth.ts';

/** One look at a process each minute. */
function samplesOf(minutes: number, handlesAt: (minute: number) => number) {
  const processes = Array.from({ length: minutes + 1 }, (_, minute) => ({
    kind: 'watcher' as const,
    pid: 1,
    hours: minute / 60,
    memory: 100,
    handles: handlesAt(minute),
  }));
  return { processes, connections: [] };
}

describe('the growth of a process', () => {
  it('is shown as two medians, and as the slope an hour without the start', () => {
    const points = Array.from({ length: 90 }, (_, index) => ({
      hours: index / 30,
      value: index < 30 ? 0 : 100 + index,
    }));
    const { first, last, perHour } = growthOf(points);
    expect({ first, last }).toEqual({ first: 0, last: 174.5 });
    expect(perHour).toBeCloseTo(30);
  });

  it('is refused if a process that lived for long opens more and more handles', () => {
    expect(leaks(measure(samplesOf(30, (minute) => 20 + minute)))).toEqual([
      expect.stringMatching(/^grew: handles of watcher \(the one that lived longest, 30 min\)/),
    ]);
  });

  it('is accepted if it is within noise, or if the process lived for minutes only', () => {
    expect(leaks(measure(samplesOf(30, (minute) => 20 + (minute % 3))))).toEqual([]);
    expect(leaks(measure(samplesOf(9, (minute) => 20 + 10 * minute)))).toEqual([]);
  });

  it('is measured of the process that lived longest', () => {
    const { processes } = samplesOf(12, () => 20);
    const short = samplesOf(8, () => 90).processes.map((sample) => ({ ...sample, pid: 2 }));
    const [, handles] = measure({ processes: [...short, ...processes], connections: [] });
    expect(handles?.growth.last).toBe(20);
  });
});
