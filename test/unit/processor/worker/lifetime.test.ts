import { describe, expect, it } from 'vitest';
import { createLifetime } from '../../../../src/processor/worker/lifetime.ts';

function lifetimeOf(messageCount: number) {
  let announced = 0;
  const lifetime = createLifetime(messageCount, () => {
    announced += 1;
  });
  return { lifetime, announced: () => announced };
}

describe('a worker’s lifetime', () => {
  it('announces the retirement with the last messages, once', () => {
    const { lifetime, announced } = lifetimeOf(20);
    lifetime.received(19);
    expect([lifetime.left(), lifetime.retiring(), announced()]).toEqual([1, false, 0]);
    lifetime.received(10);
    lifetime.received(0);
    expect([lifetime.left(), lifetime.retiring(), announced()]).toEqual([-9, true, 1]);
  });

  it('announces it earlier on a deep queue, where the rest takes less time than a start', () => {
    const { lifetime, announced } = lifetimeOf(1_000);
    lifetime.deepRound();
    expect(announced()).toBe(0);
    lifetime.received(700);
    lifetime.deepRound();
    expect([lifetime.left(), lifetime.retiring(), announced()]).toEqual([300, true, 1]);
  });

  it('ends early where nothing is left to do', () => {
    const { lifetime } = lifetimeOf(1_000);
    lifetime.end();
    expect(lifetime.left()).toBe(0);
  });
});
