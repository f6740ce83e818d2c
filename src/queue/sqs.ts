import type { Message } from '@aws-sdk/client-sqs';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { delayedAbort } from '../runtime/loop.ts';
import { queueError } from './errors.ts';
import type { Queue, QueueMessage } from './queue.ts';
import { MAX_BATCH } from './queue.ts';

export interface SqsOptions {
  readonly region: string;
  /** For a local SQS; undefined for AWS. */
  readonly endpoint: string | undefined;
  readonly connectTimeoutSeconds: number;
  readonly readTimeoutSeconds: number;
}

export interface QueueUrls {
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
}

/** Messages whose answer is under way when the poll is aborted would lie in flight until their visibility timeout. */
const ANSWER_MILLISECONDS = 250;

export function createSqsClient(options: SqsOptions): SQSClient {
  return new SQSClient({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    // The SDK would compare MD5 sums of all it receives; TLS and SQS already guard the bytes, and it costs CPU.
    md5: false,
    requestHandler: {
      connectionTimeout: options.connectTimeoutSeconds * 1_000,
      requestTimeout: options.readTimeoutSeconds * 1_000,
      throwOnRequestTimeout: true,
    },
  });
}

/** The queue and its dead-letter queue over the SQS protocol. */
export function createSqsQueue(client: SQSClient, urls: QueueUrls): Queue {
  const QueueUrl = urls.queueUrl;

  return {
    async receive(waitSeconds, signal) {
      if (signal.aborted) return [];
      const command = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: MAX_BATCH,
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ['SentTimestamp', 'MessageGroupId'],
      });
      const abort = delayedAbort(signal, ANSWER_MILLISECONDS);
      try {
        const { Messages = [] } = await client.send(command, { abortSignal: abort.signal });
        return Messages.map(toQueueMessage);
      } catch (error) {
        if (signal.aborted) return [];
        throw queueError('receiving messages', QueueUrl, error);
      } finally {
        abort.cancel();
      }
    },

    async delete(messages) {
      await inBatches(messages, async (Entries) => {
        const send = () => client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
        await all('deleting messages', QueueUrl, send);
      });
    },

    async release(messages) {
      await inBatches(messages, async (entries) => {
        const Entries = entries.map((entry) => ({ ...entry, VisibilityTimeout: 0 }));
        const send = () => client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
        await all('releasing messages', QueueUrl, send);
      });
    },

    async deadLetter(message, rejection) {
      const text = (StringValue: string) => ({ DataType: 'String', StringValue });
      const fifo = urls.deadLetterQueueUrl.endsWith('.fifo');
      const command = new SendMessageCommand({
        QueueUrl: urls.deadLetterQueueUrl,
        MessageBody: message.body,
        MessageAttributes: {
          reason: text(rejection.reason),
          detail: text(rejection.detail),
          original_message_id: text(message.id),
        },
        ...(fifo
          ? { MessageGroupId: message.messageGroupId ?? message.id, MessageDeduplicationId: message.id }
          : {}),
      });
      try {
        await client.send(command);
      } catch (error) {
        throw queueError(`dead-lettering message ${message.id}`, urls.deadLetterQueueUrl, error);
      }
    },

    close: () => client.destroy(),
  };
}

function toQueueMessage(message: Message): QueueMessage {
  const { MessageId = '', Body = '', ReceiptHandle = '', Attributes = {} } = message;
  const sent = Number(Attributes.SentTimestamp);
  return {
    id: MessageId,
    body: Body,
    receiptHandle: ReceiptHandle,
    sentAt: Number.isFinite(sent) ? new Date(sent) : new Date(),
    messageGroupId: Attributes.MessageGroupId ?? null,
  };
}

interface Entry {
  readonly Id: string;
  readonly ReceiptHandle: string;
}

async function inBatches(
  messages: readonly QueueMessage[],
  send: (entries: Entry[]) => Promise<void>,
): Promise<void> {
  const batches: Promise<void>[] = [];
  for (let start = 0; start < messages.length; start += MAX_BATCH) {
    const batch = messages.slice(start, start + MAX_BATCH);
    batches.push(
      send(batch.map(({ receiptHandle }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle }))),
    );
  }
  await Promise.all(batches);
}

interface BatchAnswer {
  readonly Failed?: readonly { readonly Code: string | undefined }[] | undefined;
}

/** A batch request answers 200 even where entries failed, so the answer must be read. */
async function all(operation: string, url: string, send: () => Promise<BatchAnswer>): Promise<void> {
  let answer: BatchAnswer;
  try {
    answer = await send();
  } catch (error) {
    throw queueError(operation, url, error);
  }
  const failed = answer.Failed ?? [];
  if (failed.length > 0) {
    const codes = [...new Set(failed.map(({ Code }) => Code ?? 'unknown'))].join(', ');
    throw queueError(operation, url, new Error(`${failed.length} entries failed: ${codes}`));
  }
}
