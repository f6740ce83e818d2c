import { describe, expect, it } from 'vitest';
import { collectVersionsReadings } from '../../../../src/processor/supervisor/kept-versions.ts';

function collected(rest = 3_000) {
  const warnings: unknown[] = [];
  const logger = { warning: (message: string, fields?: object) => warnings.push({ message, ...fields }) };
  const readings = collectVersionsReadings(logger, rest);
  const add = (seconds: number, areKept: boolean) =>
    readings.add({ at: seconds * 1_000, updates: { all: seconds, hot: 0 }, areKept });
  return { readings, add, warnings };
}

describe('the supervisor, if Postgres keeps old versions of rows', () => {
  it('warns after a minute, and then once a minute', () => {
    const { add, warnings } = collected();
    const counts = [0, 30, 59, 60, 90, 119, 120].map((seconds) => {
      add(seconds, true);
      return warnings.length;
    });
    expect(counts).toEqual([0, 0, 0, 1, 1, 1, 2]);
    expect(warnings[0]).toEqual({
      message: expect.stringMatching(/^Postgres keeps old versions of rows .* pg_dump/),
      rest_ms: 3_000,
    });
  });

  it('does not say that workers rest if they do not', () => {
    const { add, warnings } = collected(0);
    for (const seconds of [0, 30, 60]) add(seconds, true);
    expect(warnings).toEqual([{ message: expect.stringMatching(/; storing becomes slower$/), rest_ms: 0 }]);
  });

  it.each<[string, [number, boolean][]]>([
    [
      'nobody read the statistics for a minute',
      [
        [0, true],
        [60, true],
        [119, true],
      ],
    ],
    [
      'the old versions were removed',
      [
        [0, true],
        [30, false],
        [60, true],
        [89, true],
      ],
    ],
  ])('says nothing if %s in between', (_, readings) => {
    const { add, warnings } = collected();
    for (const [seconds, areKept] of readings) add(seconds, areKept);
    expect(warnings).toEqual([]);
  });

  it('knows the latest reading of all workers, with which a new worker begins', () => {
    const { readings, add } = collected();
    expect(readings.last()).toBeNull();
    add(9, false);
    add(10, true);
    expect(readings.last()).toMatchObject({ at: 10_000, areKept: true });
  });
});
