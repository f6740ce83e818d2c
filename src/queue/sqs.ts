import type { Message } from '@aws-sdk/client-sqs';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { AwsConnection } from '../runtime/aws.ts';
import { requestHandler } from '../runtime/aws.ts';
import { delayedAbort } from '../runtime/loop.ts';
import { deleteMessages, releaseMessages } from './batches.ts';
import { sendDeadLetter } from './dead-letters/letter.ts';
import { queueError } from './errors.ts';
import type { Queue, QueueMessage, ReadableQueue } from './queue.ts';
import { MAX_BATCH } from './queue.ts';

export interface SqsOptions extends AwsConnection {
  readonly region: string;
  /** URL of a local SQS; undefined for AWS. */
  readonly endpoint: string | undefined;
}

export interface QueueUrls {
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
}

/**
 * How long an answer may still arrive after the signal. If a poll is aborted while SQS answers it, its messages stay in
 * flight until their visibility timeout.
 */
const ANSWER_MILLISECONDS = 250;

export function createSqsClient(options: SqsOptions): SQSClient {
  return new SQSClient({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    // Requests go to the endpoint above, whichever host the queue's URL has.
    useQueueUrlAsEndpoint: false,
    // By default the SDK checks the MD5 sum of every message. That costs CPU, and TLS and SQS protect the bytes
    // already.
    md5: false,
    requestHandler: requestHandler(options),
  });
}

/** Reads a queue over the SQS protocol. */
export function createReadableQueue(client: SQSClient, QueueUrl: string): ReadableQueue {
  return {
    async receive(waitSeconds, signal) {
      if (signal.aborted) return [];
      const command = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: MAX_BATCH,
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ['SentTimestamp', 'ApproximateReceiveCount'],
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
      await deleteMessages(client, QueueUrl, messages);
    },
  };
}

/** Uses the queue and its dead-letter queue over the SQS protocol. */
export function createSqsQueue(client: SQSClient, urls: QueueUrls): Queue {
  return {
    ...createReadableQueue(client, urls.queueUrl),

    async release(messages) {
      await releaseMessages(client, urls.queueUrl, messages);
    },

    async deadLetter(message, rejection) {
      await sendDeadLetter(client, urls.deadLetterQueueUrl, message, rejection);
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
    receiveCount: Number(Attributes.ApproximateReceiveCount ?? 1),
  };
}
