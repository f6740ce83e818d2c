import { randomUUID } from 'node:crypto';
import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { createSqsQueue } from '../../src/queue/sqs.ts';
import type { Finished, RunningCommand } from './command.ts';
import { runCommand, startCommand } from './command.ts';
import type { TestQueue } from './queue.ts';
import { depth } from './queue.ts';

/** Starts `bec-alerts dead_letters` on a test's queue, in a process of its own. */
export function startDeadLetters(queue: TestQueue, ...parameters: string[]): RunningCommand {
  return startCommand(['dead_letters', ...parameters], queue.env);
}

/** Runs it to its end. */
export async function deadLetters(queue: TestQueue, ...parameters: string[]): Promise<Finished> {
  return await runCommand(['dead_letters', ...parameters], queue.env);
}

/** Puts bodies among the dead letters as a worker does. @returns the ids of the messages that they were */
export async function reject(
  queue: TestQueue,
  bodies: readonly string[],
  reason: 'invalid_json' | 'missing_message' | 'database_refused' = 'invalid_json',
): Promise<string[]> {
  const sqs = createSqsQueue(queue.client, queue);
  const messages = bodies.map((body) => ({
    id: randomUUID(),
    body,
    receiptHandle: '',
    sentAt: new Date(),
    receiveCount: 1,
    messageGroupId: null,
  }));
  for (let start = 0; start < messages.length; start += 20) {
    await Promise.all(
      messages
        .slice(start, start + 20)
        .map((message) => sqs.deadLetter(message, { reason, detail: 'the test says so' })),
    );
  }
  return messages.map(({ id }) => id);
}

export async function setAttributes(
  { client }: TestQueue,
  QueueUrl: string,
  Attributes: Record<string, string>,
): Promise<void> {
  await client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
}

/** Of both queues. */
export async function depths(
  queue: TestQueue,
): Promise<{ queue: [number, number]; deadLetters: [number, number] }> {
  const main = await depth(queue.client, queue.queueUrl);
  const dead = await depth(queue.client, queue.deadLetterQueueUrl);
  return { queue: [main.visible, main.inFlight], deadLetters: [dead.visible, dead.inFlight] };
}

export async function arnOf({ client }: TestQueue, QueueUrl: string): Promise<string> {
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  return Attributes?.QueueArn ?? '';
}

/** Receives and puts back at once: the local SQS looks at its timers and policies only then. */
export async function touch({ client }: TestQueue, QueueUrl: string): Promise<void> {
  await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }));
}
