import type { SQSClient } from '@aws-sdk/client-sqs';
import { CreateQueueCommand, GetQueueUrlCommand, QueueDoesNotExist } from '@aws-sdk/client-sqs';
import { deadLetterQueueName, isFifo, nameInUrl } from '../domain/queue-name.ts';
import { abortedBy, queueAttributes } from './attributes.ts';
import { queueError } from './errors.ts';
import type { QueueUrls } from './sqs.ts';

export interface QueueNames {
  readonly queueName: string;
  /** URL of an existing queue, which is neither looked up nor created. */
  readonly queueUrl: string | undefined;
  /** Default: the queue's name with `_dead_letters`. */
  readonly deadLetterQueueName: string | undefined;
}

const FOURTEEN_DAYS = '1209600';
/** Long enough for a batch with a slow commit; short enough for a killed worker's batch to be received again soon. */
const VISIBILITY_TIMEOUT_SECONDS = '60';
/**
 * A message that was received this often and never deleted probably kills its worker. The number is generous: counting
 * an event late is better than moving it to the dead-letter queue because of a week of restarts.
 */
const MAX_RECEIVE_COUNT = 50;

/**
 * Finds both queues, and creates those that are missing. Safe if many processors start at once.
 * @param signal makes it throw
 */
export async function findOrCreateQueues(
  client: SQSClient,
  names: QueueNames,
  signal?: AbortSignal,
): Promise<QueueUrls> {
  const queueName = names.queueUrl === undefined ? names.queueName : nameInUrl(names.queueUrl);
  const deadLetterName = names.deadLetterQueueName ?? deadLetterQueueName(queueName);
  const deadLetterQueueUrl = await findOrCreate(
    client,
    deadLetterName,
    async () => ({ ...fifo(deadLetterName), MessageRetentionPeriod: FOURTEEN_DAYS }),
    signal,
  );
  if (names.queueUrl !== undefined) return { queueUrl: names.queueUrl, deadLetterQueueUrl };
  const queueUrl = await findOrCreate(
    client,
    queueName,
    async () => ({
      ...fifo(queueName),
      MessageRetentionPeriod: FOURTEEN_DAYS,
      VisibilityTimeout: VISIBILITY_TIMEOUT_SECONDS,
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: await arnOf(client, deadLetterQueueUrl, signal),
        maxReceiveCount: MAX_RECEIVE_COUNT,
      }),
    }),
    signal,
  );
  return { queueUrl, deadLetterQueueUrl };
}

/** The names of both queues, and the URLs of those that exist. */
export interface FoundQueues {
  readonly queueName: string;
  readonly queueUrl: string | null;
  readonly deadLetterQueueName: string;
  readonly deadLetterQueueUrl: string | null;
}

/** Finds both queues; creates none. */
export async function findQueues(client: SQSClient, names: QueueNames): Promise<FoundQueues> {
  const queueName = names.queueUrl === undefined ? names.queueName : nameInUrl(names.queueUrl);
  const deadLetterName = names.deadLetterQueueName ?? deadLetterQueueName(queueName);
  return {
    queueName,
    queueUrl: names.queueUrl ?? (await queueUrlOf(client, queueName)),
    deadLetterQueueName: deadLetterName,
    deadLetterQueueUrl: await queueUrlOf(client, deadLetterName),
  };
}

/** @returns the queue's URL; null if it doesn't exist @throws CodedError */
export async function queueUrlOf(
  client: SQSClient,
  name: string,
  signal?: AbortSignal,
): Promise<string | null> {
  try {
    return await findQueue(client, name, signal);
  } catch (error) {
    throw queueError('finding the queue', name, error);
  }
}

// SQS requires a FIFO queue to have a FIFO dead-letter queue.
function fifo(name: string): Record<string, string> {
  return isFifo(name) ? { FifoQueue: 'true' } : {};
}

async function findOrCreate(
  client: SQSClient,
  QueueName: string,
  attributes: () => Promise<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    const found = await findQueue(client, QueueName, signal);
    if (found !== null) return found;
    const { QueueUrl } = await client.send(
      new CreateQueueCommand({ QueueName, Attributes: await attributes() }),
      abortedBy(signal),
    );
    return required(QueueUrl, 'CreateQueue', 'QueueUrl');
  } catch (error) {
    throw queueError('finding or creating the queue', QueueName, error);
  }
}

/** @returns the queue's URL; null if it doesn't exist */
async function findQueue(client: SQSClient, QueueName: string, signal?: AbortSignal): Promise<string | null> {
  try {
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName }), abortedBy(signal));
    return required(QueueUrl, 'GetQueueUrl', 'QueueUrl');
  } catch (error) {
    if (error instanceof QueueDoesNotExist) return null;
    throw error;
  }
}

async function arnOf(client: SQSClient, QueueUrl: string, signal: AbortSignal | undefined): Promise<string> {
  const { QueueArn } = await queueAttributes(client, QueueUrl, ['QueueArn'], signal);
  return required(QueueArn, 'GetQueueAttributes', 'QueueArn');
}

function required(value: string | undefined, operation: string, field: string): string {
  if (value === undefined) throw new Error(`the answer to ${operation} has no ${field}`);
  return value;
}
