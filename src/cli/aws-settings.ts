import type { EndpointSettings } from '../config/endpoints.ts';
import { endpointOf } from '../config/endpoints.ts';
import type { ProxySettings } from '../config/proxy.ts';
import { proxiesOf } from '../config/proxy.ts';
import type { QueueNames } from '../queue/provision.ts';
import type { SqsOptions } from '../queue/sqs.ts';
import type { AwsConnection } from '../runtime/aws.ts';

// Turns a command's settings into options of the AWS adapters.

interface ConnectionSettings extends ProxySettings {
  readonly AWS_CONNECT_TIMEOUT: number;
  readonly AWS_READ_TIMEOUT: number;
}

export function awsConnection(settings: ConnectionSettings): AwsConnection {
  return {
    proxies: proxiesOf(settings),
    connectTimeoutSeconds: settings.AWS_CONNECT_TIMEOUT,
    readTimeoutSeconds: settings.AWS_READ_TIMEOUT,
  };
}

interface SqsSettings extends ConnectionSettings, EndpointSettings {
  readonly AWS_DEFAULT_REGION: string;
}

interface QueueSettings {
  readonly SQS_QUEUE_NAME: string;
  readonly SQS_QUEUE_URL?: string | undefined;
  readonly SQS_DEAD_LETTER_QUEUE_NAME?: string | undefined;
}

export function sqsOptions(settings: SqsSettings): SqsOptions {
  return {
    region: settings.AWS_DEFAULT_REGION,
    endpoint: endpointOf('SQS', settings),
    ...awsConnection(settings),
  };
}

export function queueNames(settings: QueueSettings): QueueNames {
  return {
    queueName: settings.SQS_QUEUE_NAME,
    queueUrl: settings.SQS_QUEUE_URL,
    deadLetterQueueName: settings.SQS_DEAD_LETTER_QUEUE_NAME,
  };
}
