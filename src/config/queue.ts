import { z } from 'zod';
import { deadLetterQueueName, isFifo, isQueueName, nameInUrl } from '../domain/queue-name.ts';
import type { EndpointSettings } from './endpoints.ts';
import { endpointOf, queueUrlProblem, sqsEndpoint } from './endpoints.ts';
import { checkTogether, httpUrl, text } from './values.ts';

export const queueName = z
  .string()
  .trim()
  .refine(isQueueName, 'must be 1 to 80 of A-Z a-z 0-9 _ -, then .fifo for a FIFO queue');
const queueUrl = httpUrl.refine(
  (value) => isQueueName(nameInUrl(value)),
  "must end with the queue's name, such as https://sqs.us-west-2.amazonaws.com/123456789012/sentry_errors",
);

export const queueVariables = {
  SQS_QUEUE_NAME: queueName.default('sentry_errors'),
  SQS_QUEUE_URL: queueUrl.optional(),
  SQS_DEAD_LETTER_QUEUE_NAME: queueName.optional(),
  SQS_REGION: text().optional(),
  ...sqsEndpoint,
};

interface QueueSettings extends EndpointSettings {
  readonly SQS_QUEUE_NAME: string;
  readonly SQS_QUEUE_URL?: string | undefined;
  readonly SQS_DEAD_LETTER_QUEUE_NAME?: string | undefined;
  readonly SQS_REGION?: string | undefined;
}

/** Reports problems that only several variables together have. */
export const queueCheck = checkTogether<QueueSettings>((settings, reportProblem) => {
  const { SQS_QUEUE_URL } = settings;
  const report = (variable: string, problem: string | null) => {
    if (problem !== null) reportProblem(variable, problem);
  };
  const source = SQS_QUEUE_URL === undefined ? 'SQS_QUEUE_NAME' : 'SQS_QUEUE_URL';
  const name = SQS_QUEUE_URL === undefined ? settings.SQS_QUEUE_NAME : nameInUrl(SQS_QUEUE_URL);
  if (!isQueueName(name)) return;
  const letters = settings.SQS_DEAD_LETTER_QUEUE_NAME;
  if (letters === undefined) report(source, lengthProblem(name));
  else report('SQS_DEAD_LETTER_QUEUE_NAME', deadLettersProblem(letters, name));
  if (SQS_QUEUE_URL === undefined) return;
  const endpoint = endpointOf('SQS', settings);
  report('SQS_QUEUE_URL', queueUrlProblem(SQS_QUEUE_URL, settings.SQS_REGION, endpoint));
});

function lengthProblem(name: string): string | null {
  return isQueueName(deadLetterQueueName(name))
    ? null
    : 'is so long that the name with _dead_letters exceeds 80 characters: set SQS_DEAD_LETTER_QUEUE_NAME';
}

function deadLettersProblem(letters: string, name: string): string | null {
  // Each dead letter would be received again, and rejected again.
  if (letters === name) return 'must not be the name of the queue itself';
  // SQS refuses a dead letter without a message group in a FIFO queue, and the processor can't create the pair.
  return isFifo(letters) === isFifo(name) ? null : 'must end with .fifo if the queue does, and only then';
}
