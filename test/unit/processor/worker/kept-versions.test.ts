import { describe, expect, it } from 'vitest';
import type { VersionsReading } from '../../../../src/processor/protocol.ts';
import { watchVersions } from '../../../../src/processor/worker/kept-versions.ts';

/** A worker that looks once, so many milliseconds after another worker's reading of 1,000 updates. */
async function lookAfter(milliseconds: number, updates: number, hot: number, wereKept = false) {
  const known: VersionsReading = { at: 1_000, updates: { all: 1_000, hot: 500 }, areKept: wereKept };
  const readings: VersionsReading[] = [];
  const answer = { all: 1_000 + updates, hot: 500 + hot };
  const versions = watchVersions(
    known,
    async () => answer,
    (reading) => readings.push(reading),
    () => 1_000 + milliseconds,
  );
  await versions.look();
  return { areKept: versions.areKept(), readings };
}

describe('whether old versions of rows are kept', () => {
  it.each([
    ['yes if fewer than 88 % of the updates were HOT', 100, 87, true],
    ['no if 88 % were HOT', 100, 88, false],
    ['no if there were fewer than 100 updates', 99, 0, false],
    ['no if the statistics were reset', -900, -500, false],
  ])('is %s', async (_, updates, hot, areKept) => {
    const looked = await lookAfter(5_000, updates, hot, !areKept);
    expect(looked.areKept).toBe(areKept);
    expect(looked.readings).toEqual([
      { at: 6_000, updates: { all: 1_000 + updates, hot: 500 + hot }, areKept },
    ]);
  });

  it.each([true, false])('is what another worker found less than five seconds ago: %s', async (wereKept) => {
    expect(await lookAfter(4_999, 1_000, wereKept ? 1_000 : 0, wereKept)).toEqual({
      areKept: wereKept,
      readings: [],
    });
  });

  it('is asked again if the clock was set back', async () => {
    expect((await lookAfter(-3_600_000, 100, 100)).readings).toHaveLength(1);
  });

  it('is not known before the second reading', async () => {
    let at = 0;
    let updates = { all: 5_000, hot: 0 };
    const versions = watchVersions(
      null,
      async () => updates,
      () => undefined,
      () => at,
    );
    expect(versions.areKept()).toBe(false);
    await versions.look();
    expect(versions.areKept()).toBe(false);
    at = 5_000;
    updates = { all: 6_000, hot: 0 };
    await versions.look();
    expect(versions.areKept()).toBe(true);
  });
});
