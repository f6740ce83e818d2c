import type { SQSClient } from '@aws-sdk/client-sqs';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { delayedAbort } from '../../runtime/loop.ts';
import type { InHand } from '../batches.ts';
import { releaseMessages } from '../batches.ts';
import type { QueueDepth } from '../depth.ts';
import { queueError } from '../errors.ts';
import { MAX_BATCH } from '../queue.ts';
import type { DeadLetter } from './letter.ts';
import { toDeadLetter } from './letter.ts';

/** What came of reading the dead letters. */
export interface Listing {
  readonly read: number;
  /** About how many more there are: beyond the limit, or not handed out. */
  readonly more: number;
  /** How many were in somebody else's hands when it began. */
  readonly elsewhere: number;
}

/** A short poll asks only some of SQS's servers and may answer with nothing although there is something. */
const WAIT_SECONDS = 1;
/** What a poll that is given up was about to hand out stays invisible for minutes: only one that is overdue is. */
const ANSWER_MILLISECONDS = 3_000;
const RELEASED_AT_ONCE = 100;

/**
 * Hands out the dead letters one by one, at most `limit`, and leaves them where they are: they are invisible to others
 * while it reads, and visible again when it ends, however it does. A signal ends it early.
 * @param queue the dead-letter queue, with what it held when it began
 */
export async function readDeadLetters(
  client: SQSClient,
  { url, depth }: { readonly url: string; readonly depth: QueueDepth },
  limit: number,
  each: (letter: DeadLetter) => void,
  signal: AbortSignal,
): Promise<Listing> {
  // None may come twice, so they are held longer than reading takes: ten a second at worst.
  const heldSeconds = Math.min(60 + Math.ceil(limit / 10), 43_200);
  const held = new Map<string, InHand>();
  try {
    while (held.size < limit && !signal.aborted) {
      const count = Math.min(limit - held.size, MAX_BATCH);
      const letters = await receiveLetters(client, url, count, heldSeconds, signal);
      if (letters.length === 0) break;
      for (const letter of letters) {
        if (!held.has(letter.id)) each(letter);
        held.set(letter.id, { receiptHandle: letter.receiptHandle });
      }
    }
  } finally {
    await releaseLetters(client, url, [...held.values()]);
  }
  return { read: held.size, more: Math.max(0, depth.waiting - held.size), elsewhere: depth.inFlight };
}

/** At most ten; none where the queue has no more to hand out, or doesn't answer after the signal. */
export async function receiveLetters(
  client: SQSClient,
  QueueUrl: string,
  count: number,
  VisibilityTimeout: number,
  signal: AbortSignal,
): Promise<DeadLetter[]> {
  const command = new ReceiveMessageCommand({
    QueueUrl,
    MaxNumberOfMessages: count,
    VisibilityTimeout,
    WaitTimeSeconds: WAIT_SECONDS,
    MessageAttributeNames: ['All'],
    MessageSystemAttributeNames: ['SentTimestamp', 'MessageGroupId'],
  });
  const abort = delayedAbort(signal, ANSWER_MILLISECONDS);
  try {
    const { Messages = [] } = await client.send(command, { abortSignal: abort.signal });
    return Messages.map(toDeadLetter);
  } catch (error) {
    if (abort.signal.aborted) return [];
    throw queueError('receiving dead letters', QueueUrl, error);
  } finally {
    abort.cancel();
  }
}

/** Makes the letters visible to others, in portions: a thousand requests at once would be too many. */
export async function releaseLetters(
  client: SQSClient,
  url: string,
  letters: readonly InHand[],
): Promise<void> {
  for (let start = 0; start < letters.length; start += RELEASED_AT_ONCE) {
    await releaseMessages(client, url, letters.slice(start, start + RELEASED_AT_ONCE));
  }
}
