import { describe, expect, it } from 'vitest';
import { growthLines, leaks, measure } from '../../soak/growth.ts';
import type { ProcessSample } from '../../soak/samples.ts';

/** One look at a watcher each minute. @param from when it starts */
function lifeOf(
  pid: number,
  minutes: number,
  at: (minute: number) => Partial<ProcessSample>,
  from = 0,
): ProcessSample[] {
  return Array.from({ length: minutes + 1 }, (_, minute) => ({
    kind: 'watcher' as const,
    pid,
    hours: (from + minute) / 60,
    heap: 25,
    memory: 200,
    handles: 20,
    connections: 3,
    ...at(minute),
  }));
}

describe('the growth of processes', () => {
  it.each([
    ['heap without garbage', (minute: number) => ({ heap: 25 + minute / 3 })],
    ['resident memory', (minute: number) => ({ memory: 200 + 5 * minute })],
    ['open handles', (minute: number) => ({ handles: 20 + minute })],
    ['connections to Postgres', (minute: number) => ({ connections: 3 + Math.floor(minute / 5) })],
  ])('is refused if it is beyond noise: %s', (what, at) => {
    expect(leaks(measure(lifeOf(1, 30, at)))).toEqual([
      expect.stringContaining(`grew in 27 min: watcher, ${what}: `),
    ]);
  });

  it('is accepted within noise, while a process starts, and in resident memory of garbage', () => {
    const noise = (minute: number) => ({
      heap: 25 + (minute % 3),
      handles: minute < 3 ? 5 * minute : 20 + (minute % 4),
      connections: 3 + (minute % 2),
      memory: 200 + 3 * minute,
    });
    expect(leaks(measure(lifeOf(1, 30, noise)))).toEqual([]);
  });

  it('is not the difference between an old process and a young one', () => {
    const old = lifeOf(1, 30, () => ({ heap: 25 }));
    const other = lifeOf(2, 15, () => ({ heap: 60 }), 15);
    const [heap] = measure([...old, ...other]).find(({ kind }) => kind === 'watcher')?.growths ?? [];
    expect(heap).toMatchObject({ quantity: 'heap', perHour: 0, gained: 0 });
  });

  it('is the slope of all long-lived processes of a kind, without those that were killed early', () => {
    const growing = (minute: number) => ({ memory: 200 + minute });
    const killed = lifeOf(3, 6, (minute) => ({ memory: 500 * minute }));
    const measured = measure([...lifeOf(1, 30, growing), ...lifeOf(2, 10, growing, 20), ...killed]);
    expect(growthLines(measured)).toContain(
      'watcher: 2 of 3 processes lived long enough, up to 27 min after their start-up',
    );
    expect(growthLines(measured)).toContainEqual(
      expect.stringMatching(/resident memory: .* \+60\.0 MB an hour$/),
    );
  });

  it('waits for the first heap, which a process writes late', () => {
    const late = (minute: number) => ({ heap: minute < 10 ? undefined : 25 });
    const [heap] = measure(lifeOf(1, 30, late)).find(({ kind }) => kind === 'watcher')?.growths ?? [];
    expect(heap).toMatchObject({ level: 25, perHour: 0 });
  });
});
