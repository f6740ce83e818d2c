import { describe, expect, it } from 'vitest';
import { watchStore } from '../../../../src/processor/supervisor/slow-store.ts';

function watched() {
  let now = 1_000;
  const warnings: unknown[] = [];
  const logger = { warning: (message: string, fields?: object) => warnings.push({ message, ...fields }) };
  return {
    store: watchStore(logger, () => now),
    warnings,
    wait: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

const four = (store: ReturnType<typeof watched>['store'], rest: number) => {
  for (let count = 0; count < 4; count += 1) store.batch(rest);
};

describe('the supervisor, if storing is slow', () => {
  it('warns once a minute, with the rest', () => {
    const { store, warnings, wait } = watched();
    four(store, 1_234.5);
    wait(59_999);
    four(store, 2_000);
    wait(1);
    four(store, 3_000);
    expect(warnings).toEqual([
      { message: expect.stringMatching(/^storing is slow, .* pg_dump/), rest_ms: 1_235 },
      { message: expect.stringMatching(/^storing is slow/), rest_ms: 2_000 },
    ]);
  });

  it('says nothing if workers rest for less than a second', () => {
    const { store, warnings } = watched();
    four(store, 999);
    expect(warnings).toEqual([]);
  });

  it('says nothing of a single slow batch', () => {
    const { store, warnings } = watched();
    store.batch(10_000);
    expect(warnings).toEqual([]);
  });

  it('knows the last four batches of all workers, with which a new worker begins', () => {
    const { store } = watched();
    expect(store.rests()).toEqual([0, 0, 0, 0]);
    for (const rest of [100, 200, 300, 400, 500]) store.batch(rest);
    expect(store.rests()).toEqual([200, 300, 400, 500]);
  });
});
