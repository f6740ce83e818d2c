import { describe, expect, it } from 'vitest';
import type { RowUpdates } from '../../../../src/db/row-updates.ts';
import type { VersionsReading } from '../../../../src/processor/protocol.ts';
import { watchVersions } from '../../../../src/processor/worker/kept-versions.ts';

const fail = (error: unknown) => {
  throw error;
};

/** A worker that looks once, so many milliseconds after another worker's reading of 1,000 updates. */
async function lookAfter(milliseconds: number, updates: number, hot: number, wereKept = false) {
  const known: VersionsReading = { at: 1_000, updates: { all: 1_000, hot: 500 }, areKept: wereKept };
  const readings: VersionsReading[] = [];
  const answer = { all: 1_000 + updates, hot: 500 + hot };
  const events = { read: (reading: VersionsReading) => void readings.push(reading), failed: fail };
  const versions = watchVersions(
    known,
    async () => answer,
    events,
    () => 1_000 + milliseconds,
  );
  await versions.look();
  return { areKept: versions.areKept(), readings };
}

describe('whether old versions of rows are kept', () => {
  it.each([
    ['yes if fewer than 88 % of the updates were HOT', 100, 87, true],
    ['no if 88 % were HOT', 100, 88, false],
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

  it.each([true, false])('stays as it was while there are fewer than 100 updates: %s', async (wereKept) => {
    expect(await lookAfter(59_999, 99, wereKept ? 99 : 0, wereKept)).toEqual({
      areKept: wereKept,
      readings: [],
    });
  });

  it.each([99, 1_000])(
    'begins again if the last reading is a minute old, also after %i updates',
    async (updates) => {
      expect(await lookAfter(60_000, updates, 0, true)).toMatchObject({
        areKept: false,
        readings: [{ areKept: false }],
      });
    },
  );

  it('begins again if the statistics could not be read', async () => {
    let at = 10_000;
    let answer = async (): Promise<RowUpdates> => {
      throw new Error('no right');
    };
    const readings: VersionsReading[] = [];
    const failures: unknown[] = [];
    const versions = watchVersions(
      { at: 5_000, updates: { all: 0, hot: 0 }, areKept: true },
      () => answer(),
      { read: (reading) => void readings.push(reading), failed: (error) => void failures.push(error) },
      () => at,
    );
    expect(versions.areKept()).toBe(true);
    await versions.look();
    expect([versions.areKept(), failures]).toEqual([false, [new Error('no right')]]);
    at += 5_000;
    answer = async () => ({ all: 1_000, hot: 0 });
    await versions.look();
    expect(readings).toEqual([{ at: 15_000, updates: { all: 1_000, hot: 0 }, areKept: false }]);
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
      { read: () => undefined, failed: fail },
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
