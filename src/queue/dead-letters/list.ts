import type { SQSClient } from '@aws-sdk/client-sqs';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { delayedAbort } from '../../runtime/loop.ts';
import type { ReceivedMessage } from '../batches.ts';
import { releaseMessages } from '../batches.ts';
import type { QueueDepth } from '../depth.ts';
import { queueError } from '../errors.ts';
import { MAX_BATCH } from '../queue.ts';
import type { DeadLetter } from './letter.ts';
import { toDeadLetter } from './letter.ts';

/** The result of reading the dead letters. */
export interface Listing {
  readonly read: number;
  /** The approximate number of dead letters that were not read: beyond the limit, or not delivered by SQS. */
  readonly more: number;
  /** The number of dead letters that another reader had in flight at the start. */
  readonly elsewhere: number;
}

/** A short poll asks only some of SQS's servers, so it may return nothing although there are messages. */
const WAIT_SECONDS = 1;
/**
 * After the signal a poll is aborted only once it is this late. Messages that an aborted poll was about to deliver stay
 * invisible for minutes.
 */
const ANSWER_MILLISECONDS = 3_000;
const RELEASED_AT_ONCE = 100;

/**
 * Calls `each` with the dead letters, at most `limit` of them, and leaves them in their queue. They are invisible to
 * other readers until it ends, whether it succeeds or fails. A signal ends it early.
 * @param queue the dead-letter queue, with its depth at the start
 */
export async function readDeadLetters(
  client: SQSClient,
  { url, depth }: { readonly url: string; readonly depth: QueueDepth },
  limit: number,
  each: (letter: DeadLetter) => void,
  signal: AbortSignal,
): Promise<Listing> {
  // The letters stay invisible for longer than reading takes, so no letter is delivered twice: ten a second at worst.
  const heldSeconds = Math.min(60 + Math.ceil(limit / 10), 43_200);
  const held = new Map<string, ReceivedMessage>();
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

/** Receives at most ten letters; none if the queue delivers no more, or if it doesn't answer after the signal. */
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

/** Makes the letters visible again, a hundred at a time: a thousand requests at once would be too many. */
export async function releaseLetters(
  client: SQSClient,
  url: string,
  letters: readonly ReceivedMessage[],
): Promise<void> {
  for (let start = 0; start < letters.length; start += RELEASED_AT_ONCE) {
    await releaseMessages(client, url, letters.slice(start, start + RELEASED_AT_ONCE));
  }
}
