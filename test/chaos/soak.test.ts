import { expect, it } from 'vitest';
import { FAULT_KINDS } from '../soak/faults.ts';
import { soak } from '../soak/soak.ts';

/** Longer runs are done by hand, with `npm run soak`. It lasts until each fault has been done once, or longer. */
const SECONDS = 60;
/** A quarter of those of `npm run soak`: other files run at the same time. */
const MESSAGES_A_SECOND = 25;
const SEED = 14;

it('counts, dead letters and emails are exact after every kind of fault in one run', async () => {
  const lines: string[] = [];
  const result = await soak({
    seconds: SECONDS,
    messagesASecond: MESSAGES_A_SECOND,
    seed: SEED,
    say: (line) => lines.push(line),
  });
  expect(result.differences, lines.join('\n')).toEqual([]);
  expect([...result.faults.counts.keys()].toSorted()).toEqual(FAULT_KINDS.toSorted());
  const { sent, comparison } = result;
  expect(Math.min(sent.repeated, sent.bad.size, comparison.alerts)).toBeGreaterThan(0);
  expect(comparison.emails.sentTwice).toBeLessThanOrEqual(comparison.emails.killedBeforeMark);
});
