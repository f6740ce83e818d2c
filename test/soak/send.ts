import { pause } from '../../src/runtime/loop.ts';
import { sendBodies } from '../support/messages.ts';
import type { Messages } from './messages.ts';
import type { Stand } from './stand.ts';

export const MESSAGES_A_SECOND = 100;
const TICK_MILLISECONDS = 100;
/** After a pause of this process, the load catches up slowly instead of flooding the queue. */
const MOST_IN_TICK = 50;

/** Sends messages at a steady rate until the signal fires. The way to the queue has no faults. */
export async function send(
  { client, urls }: Stand,
  messages: Messages,
  messagesASecond: number,
  signal: AbortSignal,
): Promise<void> {
  const started = performance.now();
  let count = 0;
  while (!signal.aborted) {
    const due = Math.floor(((performance.now() - started) / 1_000) * messagesASecond) - count;
    const bodies = Array.from({ length: Math.min(due, MOST_IN_TICK) }, () => messages.next(new Date()));
    count += bodies.length;
    await sendBodies(client, urls.queueUrl, bodies);
    await pause(TICK_MILLISECONDS, signal);
  }
}
