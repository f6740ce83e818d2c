import { pause } from '../../src/runtime/loop.ts';
import { depth } from '../support/messages.ts';
import type { FaultsDone } from './faults.ts';
import type { Sent } from './sent.ts';
import type { Stand } from './stand.ts';

const EVERY_MILLISECONDS = 10_000;

export const number = (value: number) => value.toLocaleString('en-US');

/** Prints a line every ten seconds until the signal fires. */
export async function reportProgress(
  { client, urls, ses }: Stand,
  sent: Sent,
  faults: FaultsDone,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const started = performance.now();
  await pause(EVERY_MILLISECONDS, signal);
  while (!signal.aborted) {
    const seconds = Math.round((performance.now() - started) / 1_000);
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    const { visible, inFlight } = await depth(client, urls.queueUrl);
    const parts = [
      `${number(sent.messages)} messages sent`,
      `${number(visible + inFlight)} in the queue`,
      `${number(sent.users.size)} issues`,
      `${number(ses.accepted.length)} emails`,
      `${number(total(faults))} faults, the last: ${faults.last}`,
    ];
    say(`${time}  ${parts.join(', ')}`);
    await pause(EVERY_MILLISECONDS, signal);
  }
}

export function total({ counts }: FaultsDone): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
