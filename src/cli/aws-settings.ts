import type { QueueNames } from '../queue/provision.ts';
import type { SqsOptions } from '../queue/sqs.ts';
import type { AwsTimeouts } from '../runtime/aws.ts';

// Turns a command's settings into options of the AWS adapters.

interface TimeoutSettings {
  readonly AWS_CONNECT_TIMEOUT: number;
  readonly AWS_READ_TIMEOUT: number;
}

export function awsTimeouts(settings: TimeoutSettings): AwsTimeouts {
  return {
    connectTimeoutSeconds: settings.AWS_CONNECT_TIMEOUT,
    readTimeoutSeconds: settings.AWS_READ_TIMEOUT,
  };
}

interface SqsSettings extends TimeoutSettings {
  readonly AWS_DEFAULT_REGION: string;
  readonly SQS_ENDPOINT_URL?: string | undefined;
}

interface QueueSettings {
  readonly SQS_QUEUE_NAME: string;
  readonly SQS_QUEUE_URL?: string | undefined;
  readonly SQS_DEAD_LETTER_QUEUE_NAME?: string | undefined;
}

export function sqsOptions(settings: SqsSettings): SqsOptions {
  return {
    region: settings.AWS_DEFAULT_REGION,
    endpoint: settings.SQS_ENDPOINT_URL,
    ...awsTimeouts(settings),
  };
}

export function queueNames(settings: QueueSettings): QueueNames {
  return {
    queueName: settings.SQS_QUEUE_NAME,
    queueUrl: settings.SQS_QUEUE_URL,
    deadLetterQueueName: settings.SQS_DEAD_LETTER_QUEUE_NAME,
  };
}
