import type { Message, MessageAttributeValue, SQSClient } from '@aws-sdk/client-sqs';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { parseEvent } from '../../domain/event.ts';
import type { Rejection } from '../../domain/rejection.ts';
import { RECEIVED_TOO_OFTEN } from '../../domain/rejection.ts';
import { CodedError, messageOf } from '../../runtime/errors.ts';
import { queueError, refusesMessage } from '../errors.ts';
import type { QueueMessage } from '../queue.ts';

/** A message among the dead letters. */
export interface DeadLetter {
  readonly id: string;
  /** The original's bytes. */
  readonly body: string;
  /** Of the body, in bytes. */
  readonly size: number;
  readonly receiptHandle: string;
  /** When it came among the dead letters; of what a redrive policy moved, when it was first sent. */
  readonly sentAt: Date;
  readonly messageGroupId: string | null;
  readonly reason: string;
  readonly detail: string;
  /** Null where the redrive policy moved it: then it kept its id. */
  readonly originalMessageId: string | null;
  /** The attributes that it has besides ours. */
  readonly attributes: Readonly<Record<string, MessageAttributeValue>>;
}

/** The smallest limit that SQS ever had as default, less what our attributes take. */
const LEAVES_NO_ROOM_BYTES = 262_144 - 2_048;

/**
 * Copies the message to the dead-letter queue. Attributes count towards a message's size, so a body near the limit
 * goes without them: the original's bytes matter more, and the reason stands in the log and can be read from the body.
 * @throws CodedError of the queue; `queue_refused` where it takes no message of this size
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
    // A group of its own: SQS hands out a few of a group at a time, so nobody could list what shares one.
    // The same message rejected twice within five minutes is one letter.
    ...(QueueUrl.endsWith('.fifo') ? { MessageGroupId: message.id, MessageDeduplicationId: message.id } : {}),
  };
  const MessageAttributes = {
    reason: textAttribute(rejection.reason),
    detail: textAttribute(rejection.detail),
    original_message_id: textAttribute(message.id),
  };
  const operation = `dead-lettering message ${message.id} (${rejection.reason})`;
  try {
    await client.send(new SendMessageCommand({ ...letter, MessageAttributes }));
    return;
  } catch (error) {
    if (!refusesMessage(error)) throw queueError(operation, QueueUrl, error);
  }
  try {
    await client.send(new SendMessageCommand(letter));
  } catch (error) {
    if (!refusesMessage(error)) throw queueError(operation, QueueUrl, error);
    throw new CodedError(
      'queue_refused',
      `${operation} failed at ${QueueUrl} (${messageOf(error)}); it has ${Buffer.byteLength(message.body)} bytes: raise ` +
        `the dead-letter queue's MaximumMessageSize to the queue's. It stays in the queue, and comes back until the ` +
        `queue's redrive policy moves it`,
      { retryable: false, cause: error },
    );
  }
}

/** Text as SQS takes it in an attribute: not empty, and of the characters that XML knows. */
export function textAttribute(value: string): MessageAttributeValue {
  const text = value.toWellFormed().replace(/[^\P{Cc}\t\n\r]|[\uFFFE\uFFFF]/gu, '\uFFFD');
  return { DataType: 'String', StringValue: text === '' ? '-' : text };
}

/** A received message as a dead letter. */
export function toDeadLetter(message: Message): DeadLetter {
  const { MessageId = '', Body = '', ReceiptHandle = '', Attributes = {}, MessageAttributes = {} } = message;
  const { reason, detail, original_message_id: original, ...attributes } = MessageAttributes;
  const sentAt = new Date(Number(Attributes.SentTimestamp ?? 0));
  const size = Buffer.byteLength(Body);
  const why =
    reason?.StringValue === undefined
      ? reasonOf(Body, size, sentAt)
      : { reason: reason.StringValue, detail: detail?.StringValue ?? '' };
  return {
    ...why,
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

/** Of a letter without our attributes: its body left no room for them, or the redrive policy moved it. */
function reasonOf(body: string, size: number, sentAt: Date): { reason: string; detail: string } {
  if (size > LEAVES_NO_ROOM_BYTES) {
    const parsed = parseEvent(body, sentAt);
    if ('rejection' in parsed) return parsed.rejection;
  }
  return {
    reason: RECEIVED_TOO_OFTEN,
    detail: 'the queue moved it: it was received again and again, and never deleted',
  };
}
