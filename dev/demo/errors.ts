import { GetQueueAttributesCommand, SendMessageBatchCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { queueDepth } from '../../src/queue/depth.ts';
import { pause } from '../../src/runtime/loop.ts';
import { browserErrors } from '../browser-errors/errors.ts';
import { poll } from '../poll.ts';
import type { Stack } from '../stack.ts';
import type { RunningCommand } from './command-line.ts';
import type { Terminal } from './terminal.ts';

type Queue = Stack['sqs'];

/** SQS accepts ten messages, and 256 KiB, in one request. */
const BATCH = 10;
const STUCK_SECONDS = 60;
const TRICKLE_MILLISECONDS = 10_000;
const SEED = 20_261_124;
/** An event without `groupID`: it can't be counted. */
const INVALID_EVENT = JSON.stringify({
  eventID: '0'.repeat(32),
  dateReceived: '2026-05-06T12:00:00Z',
  title: 'An event without a group: `npm run dev` sends it for you to look at',
});

export interface Flood {
  readonly events: number;
  readonly issues: number;
  /** Errors that were sent another way and are on the queue, or counted, already. */
  readonly others: number;
}

/** Sends the browser errors as fast as the queue accepts messages. A bar shows how many the processor has counted. */
export async function flood(
  { sqs }: Stack,
  { events, issues, others }: Flood,
  processor: RunningCommand,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const total = events + others;
  const progress = terminal.progress('errors counted', total);
  let sent = others;
  let counted = 0;
  let movedAt = performance.now();
  const look = async () => {
    const now = sent - (await waiting(sqs));
    if (now > counted) movedAt = performance.now();
    counted = Math.max(counted, now);
    progress.at(counted);
    return counted === total ? true : undefined;
  };
  try {
    const bodies = browserErrors({ count: events, issues, seed: SEED, now: new Date(), size: 'full' });
    for (const batch of batches(bodies.map(({ body }) => body))) {
      signal.throwIfAborted();
      await send(sqs, batch);
      sent += batch.length;
      if (sent % (BATCH * 10) === 0) await look();
    }
    const untilCounted = async () => {
      if (!processor.running()) throw new Error('the processor ended before all errors were counted');
      if (performance.now() - movedAt > STUCK_SECONDS * 1_000) {
        throw new Error(`the processor counted nothing for ${STUCK_SECONDS} s`);
      }
      return await look();
    };
    await poll('the errors to be counted', untilCounted, { seconds: 600, signal });
  } finally {
    progress.end();
  }
}

/** Sends a few new errors now and then, so that a run always has something to evaluate. */
export async function trickle({ sqs }: Stack, issues: number, signal: AbortSignal): Promise<void> {
  for (let seed = Date.now(); !signal.aborted; seed += 1) {
    const options = { count: 1 + (seed % 4), issues, seed, now: new Date(), size: 'full', hours: 0 } as const;
    await send(
      sqs,
      [...browserErrors(options)].map(({ body }) => body),
    );
    await pause(TRICKLE_MILLISECONDS, signal);
  }
}

/**
 * Sends a message that is not an event, as a dead letter to look at. Waits until the processor has moved it to the
 * dead-letter queue. Called after the flood, because its count doesn't include this message.
 */
export async function sendInvalidEvent({ sqs }: Stack, signal: AbortSignal): Promise<void> {
  const { client, queueUrl, deadLetterQueueUrl } = sqs;
  await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: INVALID_EVENT }));
  const moved = async () => {
    const { waiting } = await queueDepth(client, deadLetterQueueUrl, signal);
    return waiting > 0 ? true : undefined;
  };
  await poll('the dead letter', moved, { seconds: STUCK_SECONDS, signal });
}

/** A message is deleted after its event is committed: an event that isn't in the queue any more is counted. */
async function waiting({ client, queueUrl }: Queue): Promise<number> {
  const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] });
  const { Attributes = {} } = await client.send(command);
  const { ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible } = Attributes;
  return Number(ApproximateNumberOfMessages) + Number(ApproximateNumberOfMessagesNotVisible);
}

async function send({ client, queueUrl }: Queue, bodies: readonly string[]): Promise<void> {
  const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
  const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  if (Failed.length > 0) throw new Error(`the queue refused ${Failed.length} errors: ${Failed[0]?.Message}`);
}

function* batches(bodies: Iterable<string>): Generator<string[]> {
  let batch: string[] = [];
  for (const body of bodies) {
    batch.push(body);
    if (batch.length === BATCH) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
