import type { SQSClient } from '@aws-sdk/client-sqs';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { asError, messageOf } from '../../runtime/errors.ts';
import type { InHand } from '../batches.ts';
import { deleteMessages } from '../batches.ts';
import type { QueueDepth } from '../depth.ts';
import { queueError, refusesMessage } from '../errors.ts';
import { MAX_BATCH } from '../queue.ts';
import type { QueueUrls } from '../sqs.ts';
import type { DeadLetter } from './letter.ts';
import { receiveLetters, releaseLetters } from './list.ts';

export interface RedriveOptions {
  /** When it began, by this machine's clock: what SQS was sent later stays. */
  readonly began: Date;
  /** What the dead-letter queue held then. */
  readonly depth: QueueDepth;
  /** Move so many at most. */
  readonly limit: number;
  /** Move only those of this reason; undefined moves all. */
  readonly reason: string | undefined;
  /** How long a letter is ours; default: as long as so many letters should take. */
  readonly heldSeconds?: number;
  /** Told after every ten or fewer: how many were moved so far, of about how many. */
  readonly progress: (moved: number, total: number) => void;
}

export interface Redriven {
  readonly moved: number;
  /** Left because their reason is another. */
  readonly otherReason: number;
  /** Left because they came after it began, such as those moved and rejected again. */
  readonly later: number;
  /** Left because the queue refused them. */
  readonly refused: readonly { readonly id: string; readonly why: string }[];
  /** In somebody else's hands when it began: a listing, or a redrive that was killed. */
  readonly elsewhere: number;
  /** Why it ended early; null where it came to its end or was told to stop. */
  readonly failure: Error | null;
}

/**
 * How long a letter is ours. After a crash the letters in hand are visible again so late; should sending them take
 * longer, they may be sent twice, and are counted once all the same. Where there are many, those that stay would be
 * handed out again, and again, before the last was reached.
 */
function heldSecondsFor(letters: number): number {
  return Math.min(Math.max(30, Math.ceil(letters / 50)), 43_200);
}

/** Receives in a row that brought nothing but what was looked at before; after so many there is nothing else. */
const SEEN_RECEIVES = 10;

/**
 * Sends the dead letters back through the queue, those that are there when it begins. Each is sent first and deleted
 * then: a crash in between leaves it in both queues, and counting it twice changes nothing, as sets are keyed. A
 * signal ends it after the letters in hand.
 */
export async function redriveDeadLetters(
  client: SQSClient,
  urls: QueueUrls,
  options: RedriveOptions,
  signal: AbortSignal,
): Promise<Redriven> {
  const { waiting, inFlight } = options.depth;
  const heldSeconds = options.heldSeconds ?? heldSecondsFor(waiting);
  const sent = new Set<string>();
  const left: Left = { otherReason: new Set(), later: new Set(), refused: new Map() };
  const held = new Map<string, InHand>();
  let moved = 0;

  const classify = (letter: DeadLetter): boolean => {
    // By id, as clocks differ: what was moved and is back was rejected again (a new letter that names its original)
    // or taken by the redrive policy (the same message), and would go round for ever.
    const back = sent.has(letter.id) || sent.has(letter.originalMessageId ?? '');
    if (back || letter.sentAt > options.began) left.later.add(letter.id);
    else if (options.reason !== undefined && letter.reason !== options.reason)
      left.otherReason.add(letter.id);
    else if (!left.refused.has(letter.id)) return true;
    return false;
  };

  let failure: Error | null = null;
  let seen = 0;
  try {
    while (!signal.aborted && moved < options.limit && seen < SEEN_RECEIVES) {
      const count = Math.min(MAX_BATCH, options.limit - moved);
      const letters = await receiveLetters(client, urls.deadLetterQueueUrl, count, heldSeconds, signal);
      if (letters.length === 0) break;
      seen = letters.every(({ id }) => held.has(id)) ? seen + 1 : 0;
      // All of them at first: whatever fails from here on, what isn't deleted is released.
      for (const letter of letters) held.set(letter.id, letter);
      const { done, error } = await sendBack(client, urls, letters.filter(classify), sent, left);
      for (const { id } of done) held.delete(id);
      moved += done.length;
      options.progress(moved, waiting);
      if (error !== null) throw error;
    }
  } catch (thrown) {
    failure = asError(thrown);
  }
  try {
    await releaseLetters(client, urls.deadLetterQueueUrl, [...held.values()]);
  } catch (thrown) {
    failure ??= asError(thrown);
  }
  return {
    moved,
    otherReason: left.otherReason.size,
    later: left.later.size,
    refused: [...left.refused].map(([id, why]) => ({ id, why })),
    elsewhere: inFlight,
    failure,
  };
}

interface Left {
  readonly otherReason: Set<string>;
  readonly later: Set<string>;
  /** Letter's id to why. */
  readonly refused: Map<string, string>;
}

/** Sends and then deletes. @returns those that are moved, and the error that makes going on pointless */
async function sendBack(
  client: SQSClient,
  urls: QueueUrls,
  letters: readonly DeadLetter[],
  sent: Set<string>,
  left: Left,
): Promise<{ done: readonly DeadLetter[]; error: Error | null }> {
  const outcomes = await Promise.allSettled(letters.map((letter) => send(client, urls.queueUrl, letter)));
  const done: DeadLetter[] = [];
  let error: Error | null = null;
  for (const [index, outcome] of outcomes.entries()) {
    const letter = letters[index];
    if (letter === undefined) continue;
    if (outcome.status === 'fulfilled') {
      sent.add(outcome.value);
      done.push(letter);
    } else if (refusesMessage(outcome.reason)) left.refused.set(letter.id, messageOf(outcome.reason));
    else error ??= queueError(`sending dead letter ${letter.id} back`, urls.queueUrl, outcome.reason);
  }
  await deleteMessages(client, urls.deadLetterQueueUrl, done);
  return { done, error };
}

/** @returns the id of the message that it became */
async function send(client: SQSClient, QueueUrl: string, letter: DeadLetter): Promise<string> {
  const { MessageId = '' } = await client.send(
    new SendMessageCommand({
      QueueUrl,
      MessageBody: letter.body,
      MessageAttributes: { ...letter.attributes },
      // Sent once within five minutes, even where a crash left it among the dead letters too.
      ...(QueueUrl.endsWith('.fifo')
        ? { MessageGroupId: letter.messageGroupId ?? letter.id, MessageDeduplicationId: letter.id }
        : {}),
    }),
  );
  return MessageId;
}
