import type { SQSClient } from '@aws-sdk/client-sqs';
import { ChangeMessageVisibilityBatchCommand, DeleteMessageBatchCommand } from '@aws-sdk/client-sqs';
import { keepAnswer, withAnswer } from '../runtime/aws-answer.ts';
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
    const command = new DeleteMessageBatchCommand({ QueueUrl, Entries });
    const answer = keepAnswer(command);
    await sendBatch({ operation: 'deleting messages', QueueUrl, Entries, answer }, () =>
      client.send(command),
    );
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
    const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries });
    const answer = keepAnswer(command);
    await sendBatch({ operation: 'releasing messages', QueueUrl, Entries, answer }, () =>
      client.send(command),
    );
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
  readonly Successful?: readonly { readonly Id: string | undefined }[] | undefined;
  readonly Failed?: readonly { readonly Code: string | undefined }[] | undefined;
}

interface Batch {
  readonly operation: string;
  readonly QueueUrl: string;
  readonly Entries: readonly Entry[];
  /** Describes the answer. */
  readonly answer: () => string;
}

/** SQS answers 200 to a batch request even if entries failed, so the answer itself must be read. */
async function sendBatch(batch: Batch, send: () => Promise<BatchAnswer>): Promise<void> {
  const { operation, QueueUrl: url, Entries, answer: shown } = batch;
  let answer: BatchAnswer;
  try {
    answer = await send();
  } catch (error) {
    throw queueError(operation, url, withAnswer(error, shown()));
  }
  const failed = answer.Failed ?? [];
  const done = new Set(answer.Successful?.map(({ Id }) => Id));
  if (failed.length === 0 && Entries.some(({ Id }) => !done.has(Id))) {
    const problem = new Error(`the answer confirms ${done.size} of ${Entries.length} entries`);
    throw queueError(operation, url, withAnswer(problem, shown()));
  }
  if (failed.length > 0) {
    const codes = [...new Set(failed.map(({ Code }) => Code ?? 'unknown'))].join(', ');
    throw queueError(
      operation,
      url,
      new Error(`${failed.length === 1 ? '1 entry' : `${failed.length} entries`} failed: ${codes}`),
    );
  }
}
