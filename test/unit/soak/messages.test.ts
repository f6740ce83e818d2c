import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../dev/browser-errors/random.ts';
import { parseEvent } from '../../../src/domain/event.ts';
import { Messages } from '../../soak/messages.ts';

const NOW = new Date('2026-05-06T12:34:56Z');
const COUNT = 12_000;

function made(seed: number) {
  const messages = new Messages(seededRandom(seed));
  const bodies = Array.from({ length: COUNT }, () => messages.next(NOW));
  return { bodies, sent: messages.sent };
}

describe('the messages of a soak run', () => {
  const { bodies, sent } = made(1);

  it('are the same for the same seed', () => {
    expect(made(1).bodies).toEqual(bodies);
    expect(made(2).bodies).not.toEqual(bodies);
  });

  it('are rejected for the expected reason if they are bad, and are accepted otherwise', () => {
    const wrong = bodies.filter((body) => {
      const parsed = parseEvent(body, NOW);
      return ('rejection' in parsed ? parsed.rejection.reason : undefined) !== sent.bad.get(body);
    });
    expect(wrong).toEqual([]);
    expect(new Set(sent.bad.values()).size).toBe(8);
  });

  it('leave each bucket so small that hll counts it exactly', () => {
    const buckets = [...sent.days.values(), ...sent.hours.values()];
    const largest = Math.max(...buckets.flatMap(({ events, users }) => [events, users.size]));
    expect(largest).toBeGreaterThan(50);
    expect(largest).toBeLessThan(150);
  });

  it('are expected once for each event, however often an event is repeated', () => {
    const good = new Set(bodies.filter((body) => !sent.bad.has(body)));
    const events = (buckets: typeof sent.days) =>
      [...buckets.values()].reduce((sum, bucket) => sum + bucket.events, 0);
    expect(sent.repeated).toBe(COUNT - sent.bad.size - good.size);
    expect([events(sent.days), events(sent.hours)]).toEqual([good.size, good.size]);
  });
});
