import type { SQSClient } from '@aws-sdk/client-sqs';
import { ChangeMessageVisibilityBatchCommand, DeleteMessageBatchCommand } from '@aws-sdk/client-sqs';
import { queueError } from './errors.ts';
import { MAX_BATCH } from './queue.ts';

/** A received message, as SQS identifies it. */
export interface ReceivedMessage {
  readonly receiptHandle: string;
}

/** Deletes all messages. @throws CodedError if any of them couldn't be deleted */
export async function deleteMessages(
  client: SQSClient,
  QueueUrl: string,
  messages: readonly ReceivedMessage[],
): Promise<void> {
  await inBatches(messages, async (Entries) => {
    const send = () => client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    await sendBatch('deleting messages', QueueUrl, send);
  });
}

/** Makes all messages visible again at once. @throws CodedError if any of them couldn't be released */
export async function releaseMessages(
  client: SQSClient,
  QueueUrl: string,
  messages: readonly ReceivedMessage[],
): Promise<void> {
  await inBatches(messages, async (entries) => {
    const Entries = entries.map((entry) => ({ ...entry, VisibilityTimeout: 0 }));
    const send = () => client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
    await sendBatch('releasing messages', QueueUrl, send);
  });
}

interface Entry {
  readonly Id: string;
  readonly ReceiptHandle: string;
}

async function inBatches(
  messages: readonly ReceivedMessage[],
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

/** SQS answers 200 to a batch request even if entries failed, so the answer itself must be read. */
async function sendBatch(operation: string, url: string, send: () => Promise<BatchAnswer>): Promise<void> {
  let answer: BatchAnswer;
  try {
    answer = await send();
  } catch (error) {
    throw queueError(operation, url, error);
  }
  const failed = answer.Failed ?? [];
  if (failed.length > 0) {
    const codes = [...new Set(failed.map(({ Code }) => Code ?? 'unknown'))].join(', ');
    throw queueError(
      operation,
      url,
      new Error(`${failed.length === 1 ? '1 entry' : `${failed.length} entries`} failed: ${codes}`),
    );
  }
}
