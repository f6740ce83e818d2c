import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/runtime/logger.ts';
import type { Read } from '../../../src/runtime/prometheus.ts';
import { createPrometheus } from '../../../src/runtime/prometheus.ts';
import { parsePage } from '../../support/exposition.ts';

const LETTERS = 'bec_alerts_processor_dead_letters';

function shown(read: Read) {
  let time = 0;
  const destination = { write: () => {} };
  const logger = createLogger({ format: 'mozlog', level: 'DEBUG', name: 'test', destination });
  const prometheus = createPrometheus('processor', '1.2.3', logger, () => time);
  prometheus.show(LETTERS, read);
  return {
    pass: (milliseconds: number) => {
      time += milliseconds;
    },
    samples: async () => [
      ...(parsePage((await prometheus.page()).text)
        .get(LETTERS)
        ?.samples.values() ?? []),
    ],
  };
}

describe('a value that is read for the page', () => {
  it('is read once in 30 s, whatever asks', async () => {
    let reads = 0;
    const { pass, samples } = shown(async () => {
      reads += 1;
      return { '': reads };
    });
    expect(await Promise.all([samples(), samples()])).toEqual([[1], [1]]);
    pass(29_999);
    expect(await samples()).toEqual([1]);
    pass(1);
    expect(await samples()).toEqual([2]);
  });

  it('is absent after a failure, and not old', async () => {
    const answers: Awaited<ReturnType<Read>>[] = [{ '': 5 }];
    const { pass, samples } = shown(async () => {
      const answer = answers.shift();
      if (answer === undefined) throw new Error('no answer');
      return answer;
    });
    expect(await samples()).toEqual([5]);
    pass(30_000);
    expect(await samples()).toEqual([]);
    answers.push({ '': 7 });
    pass(30_000);
    expect(await samples()).toEqual([7]);
  });

  it('is absent if no answer comes in time', async () => {
    const { samples } = shown(() => new Promise(() => {}));
    expect(await samples()).toEqual([]);
  });
});
