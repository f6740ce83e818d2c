import { describe, expect, it } from 'vitest';
import { Teardown } from '../../../src/runtime/lifecycle.ts';
import { createLogger } from '../../../src/runtime/logger.ts';

function teardown(stepMilliseconds?: number): { teardown: Teardown; lines: string[] } {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  const logger = createLogger({ format: 'compose', level: 'DEBUG', name: 'test', destination });
  return { teardown: new Teardown(logger, stepMilliseconds), lines };
}

describe('teardown', () => {
  it('runs its steps last in first out, past one that fails', async () => {
    const { teardown: steps, lines } = teardown();
    const ran: string[] = [];
    const step = (name: string) => async () => {
      ran.push(name);
      if (name === 'second') throw new Error('stuck');
    };
    for (const name of ['first', 'second', 'third']) steps.add(name, step(name));
    await steps.run();
    expect(ran).toEqual(['third', 'second', 'first']);
    expect(lines.join('')).toContain('closing second failed');
  });

  it('goes on past a step that never ends', async () => {
    const { teardown: steps, lines } = teardown(10);
    let closed = false;
    steps.add('first', async () => {
      closed = true;
    });
    steps.add('endless', () => new Promise(() => undefined));
    await steps.run();
    expect(closed).toBe(true);
    expect(lines.join('')).toContain('closing endless failed');
  });

  it('lets stuck steps use three times the limit of one, and still runs every step', async () => {
    const { teardown: steps, lines } = teardown(300);
    let closed = false;
    steps.add('first', async () => {
      closed = true;
    });
    for (const name of ['a', 'b', 'c', 'd', 'e']) steps.add(name, () => new Promise(() => undefined));
    await steps.run();
    expect(closed).toBe(true);
    const limits = lines.map((line) => Number(/took longer than (\d+) ms/.exec(line)?.[1]));
    expect(limits).toHaveLength(5);
    expect(limits.reduce((sum, ms) => sum + ms)).toBeLessThanOrEqual(3 * 300 + 2 * 200);
  });

  it('runs each step once', async () => {
    const { teardown: steps } = teardown();
    let runs = 0;
    steps.add('once', async () => {
      runs += 1;
    });
    await steps.run();
    await steps.run();
    expect(runs).toBe(1);
  });
});
