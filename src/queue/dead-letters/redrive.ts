import type { SQSClient } from '@aws-sdk/client-sqs';
import { isFifo } from '../../domain/queue-name.ts';
import { asError, messageOf } from '../../runtime/errors.ts';
import type { ReceivedMessage } from '../batches.ts';
import { deleteMessages } from '../batches.ts';
import type { QueueDepth } from '../depth.ts';
import { queueError, refusesMessage } from '../errors.ts';
import { MAX_BATCH } from '../queue.ts';
import { sendMessage } from '../send.ts';
import type { QueueUrls } from '../sqs.ts';
import type { DeadLetter } from './letter.ts';
import { receiveLetters, releaseLetters } from './list.ts';

export interface RedriveOptions {
  /** When the redrive began, by this machine's clock. Letters that arrive later stay. */
  readonly began: Date;
  /** The dead-letter queue's depth at that time. */
  readonly depth: QueueDepth;
  /** Number of letters to move at most. */
  readonly limit: number;
  /** Moves only letters with this reason; undefined moves all. */
  readonly reason: string | undefined;
  /** How long a received letter stays invisible to others. Default: the time that all letters should take. */
  readonly heldSeconds?: number;
  /** Called after each receive with the number of letters moved so far, and the approximate total. */
  readonly progress: (moved: number, total: number) => void;
}

export interface Redriven {
  readonly moved: number;
  /** Letters left because of their reason. */
  readonly otherReason: number;
  /**
   * Letters left because they arrived after the redrive began, for example because they were moved and rejected again.
   */
  readonly later: number;
  /** Letters left because the queue refused them. */
  readonly refused: readonly { readonly id: string; readonly why: string }[];
  /** Letters in flight at the start: another listing or redrive has received them, or one that was killed. */
  readonly elsewhere: number;
  /** The error that ended the redrive early; null if it finished, or if the signal ended it. */
  readonly failure: Error | null;
}

/**
 * How long a received letter stays invisible to others. After a crash, the received letters become visible again only
 * after this time. If sending takes longer, a letter may be sent twice, but it is counted once. With many letters the
 * time must be longer: those that stay would otherwise be delivered again before the last letter was reached.
 */
function heldSecondsFor(letters: number): number {
  return Math.min(Math.max(30, Math.ceil(letters / 50)), 43_200);
}

/** After this many receives in a row with only letters that we know already, there are no others. */
const SEEN_RECEIVES = 10;

/**
 * Sends the dead letters that are there at the start back to the queue. Each letter is sent before it is deleted. A
 * crash in between leaves it in both queues, and counting its event twice changes no count. A signal ends the redrive
 * after the letters that it has received.
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
  const held = new Map<string, ReceivedMessage>();
  let moved = 0;

  const classify = (letter: DeadLetter): boolean => {
    // A letter that was moved can return, and would go round forever. If it was rejected again, it is a new letter that
    // names its original. If the redrive policy moved it, it is the same message. Compared by id, because clocks differ.
    const returned = sent.has(letter.id) || sent.has(letter.originalMessageId ?? '');
    if (returned || letter.sentAt > options.began) left.later.add(letter.id);
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
      // Every letter counts as held until it is deleted, so that it is released if anything fails from here on.
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
  /** The queue's error by the letter's id. */
  readonly refused: Map<string, string>;
}

/**
 * Sends the letters and then deletes them.
 * @returns the moved letters, and the error after which the redrive must end
 */
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

/** @returns the id of the new message */
async function send(client: SQSClient, QueueUrl: string, letter: DeadLetter): Promise<string> {
  return await sendMessage(client, {
    QueueUrl,
    MessageBody: letter.body,
    MessageAttributes: { ...letter.attributes },
    // A letter that a crash left in both queues is accepted only once within five minutes.
    ...(isFifo(QueueUrl)
      ? { MessageGroupId: letter.messageGroupId ?? letter.id, MessageDeduplicationId: letter.id }
      : {}),
  });
}
