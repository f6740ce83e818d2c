import type { EndpointSettings } from '../config/endpoints.ts';
import { endpointOf, sesRegionOf, sqsRegionOf } from '../config/endpoints.ts';
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

interface QueueSettings extends ConnectionSettings, EndpointSettings {
  readonly AWS_DEFAULT_REGION: string;
  readonly SQS_REGION?: string | undefined;
  readonly SQS_QUEUE_NAME: string;
  readonly SQS_QUEUE_URL?: string | undefined;
  readonly SQS_DEAD_LETTER_QUEUE_NAME?: string | undefined;
}

export function sqsOptions(settings: QueueSettings): SqsOptions {
  return {
    region: sqsRegionOf(settings),
    endpoint: endpointOf('SQS', settings),
    ...awsConnection(settings),
  };
}

interface SesSettings extends ConnectionSettings, EndpointSettings {
  readonly AWS_DEFAULT_REGION: string;
  readonly SES_REGION?: string | undefined;
}

/** For the queue of SES's events. SES publishes only in its own region. */
export function sesEventsOptions(settings: SesSettings): SqsOptions {
  return {
    region: sesRegionOf(settings),
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
