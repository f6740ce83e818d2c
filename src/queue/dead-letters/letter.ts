import type { Message, MessageAttributeValue, SQSClient } from '@aws-sdk/client-sqs';
import { parseEvent } from '../../domain/event.ts';
import { isFifo } from '../../domain/queue-name.ts';
import type { Rejection } from '../../domain/rejection.ts';
import { RECEIVED_TOO_OFTEN } from '../../domain/rejection.ts';
import { CodedError, messageOf } from '../../runtime/errors.ts';
import { queueError, refusesMessage } from '../errors.ts';
import type { QueueMessage } from '../queue.ts';
import { sendMessage } from '../send.ts';

/** A message in the dead-letter queue. */
export interface DeadLetter {
  readonly id: string;
  /** The message group of the original message. */
  readonly body: string;
  /** Bytes of the body. */
  readonly size: number;
  readonly receiptHandle: string;
  /**
   * When the message was sent to the dead-letter queue. If SQS's redrive policy moved it, when it was sent to the
   * original queue.
   */
  readonly sentAt: Date;
  readonly messageGroupId: string | null;
  readonly reason: string;
  readonly detail: string;
  /** Null if SQS's redrive policy moved the message, because then it kept its id. */
  readonly originalMessageId: string | null;
  /** Attributes other than ours. */
  readonly attributes: Readonly<Record<string, MessageAttributeValue>>;
}

/** The smallest default that SQS ever had for a message's size limit, minus the size of our attributes. */
const LEAVES_NO_ROOM_BYTES = 262_144 - 2_048;

/**
 * Copies the message to the dead-letter queue. Attributes count towards a message's size, so a body near the limit is
 * sent without them. The original's bytes matter more: the reason is in the log, and can be found again by parsing the
 * body.
 * @throws CodedError of the queue; `queue_refused` if the queue accepts no message of this size
 */
export async function sendDeadLetter(
  client: SQSClient,
  QueueUrl: string,
  message: QueueMessage,
  rejection: Rejection,
): Promise<void> {
  const letter = {
    QueueUrl,
    MessageBody: message.body,
    // Each letter has a group of its own. SQS delivers only a few messages of one group at a time, so letters that
    // share a group couldn't be listed. If the same message is rejected twice within five minutes, SQS keeps one
    // letter.
    ...(isFifo(QueueUrl) ? { MessageGroupId: message.id, MessageDeduplicationId: message.id } : {}),
  };
  const MessageAttributes = {
    reason: textAttribute(rejection.reason),
    detail: textAttribute(rejection.detail),
    original_message_id: textAttribute(message.id),
  };
  const operation = `sending message ${message.id} (${rejection.reason}) to the dead-letter queue`;
  try {
    await sendMessage(client, { ...letter, MessageAttributes });
    return;
  } catch (error) {
    if (!refusesMessage(error)) throw queueError(operation, QueueUrl, error);
  }
  try {
    await sendMessage(client, letter);
  } catch (error) {
    if (!refusesMessage(error)) throw queueError(operation, QueueUrl, error);
    throw new CodedError(
      'queue_refused',
      `${operation} failed at ${QueueUrl} (${messageOf(error)}). The message has ${Buffer.byteLength(message.body)} ` +
        `bytes: raise the dead-letter queue's MaximumMessageSize to that of the queue. Until then the message stays in the ` +
        `queue, and is received again until the queue's redrive policy moves it`,
      { retryable: false, cause: error },
    );
  }
}

/** Text that SQS accepts as an attribute: not empty, and only characters that XML allows. */
export function textAttribute(value: string): MessageAttributeValue {
  const text = value.toWellFormed().replace(/[^\P{Cc}\t\n\r]|[\uFFFE\uFFFF]/gu, '\uFFFD');
  return { DataType: 'String', StringValue: text === '' ? '-' : text };
}

export function toDeadLetter(message: Message): DeadLetter {
  const { MessageId = '', Body = '', ReceiptHandle = '', Attributes = {}, MessageAttributes = {} } = message;
  const { reason, detail, original_message_id: original, ...attributes } = MessageAttributes;
  const sentAt = new Date(Number(Attributes.SentTimestamp ?? 0));
  const size = Buffer.byteLength(Body);
  const rejection =
    reason?.StringValue === undefined
      ? reasonWithoutAttributes(Body, size, sentAt)
      : { reason: reason.StringValue, detail: detail?.StringValue ?? '' };
  return {
    ...rejection,
    id: MessageId,
    body: Body,
    size,
    receiptHandle: ReceiptHandle,
    sentAt,
    messageGroupId: Attributes.MessageGroupId ?? null,
    originalMessageId: original?.StringValue ?? null,
    attributes,
  };
}

/** A letter lacks our attributes if its body left no room for them, or if SQS's redrive policy moved it. */
function reasonWithoutAttributes(
  body: string,
  size: number,
  sentAt: Date,
): { reason: string; detail: string } {
  if (size > LEAVES_NO_ROOM_BYTES) {
    const parsed = parseEvent(body, sentAt);
    if ('rejection' in parsed) return parsed.rejection;
  }
  return {
    reason: RECEIVED_TOO_OFTEN,
    detail: 'SQS moved it, because it was received too often and never deleted',
  };
}
