import { describe, expect, it } from 'vitest';
import { endpointOf, sqsRegionOf } from '../../../src/config/endpoints.ts';
import { ConfigError, processorSettings, readSettings, watcherSettings } from '../../../src/config/env.ts';

const REQUIRED = { DATABASE_URL: 'postgres://u:p@db/bec', AWS_DEFAULT_REGION: 'us-west-2' };
const url = (host: string) => `http://${host}:1`;
const OURS = { SQS_ENDPOINT_URL: url('ours'), SES_ENDPOINT_URL: url('ours') };
const SERVICES = {
  AWS_ENDPOINT_URL_SQS: url('service'),
  AWS_ENDPOINT_URL_SES: url('service'),
  AWS_ENDPOINT_URL_S3: url('service'),
};
const ALL = { AWS_ENDPOINT_URL: url('all') };
const IGNORE = { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };

describe('the endpoint of a service', () => {
  it.each([
    ['our own variable', { ...ALL, ...SERVICES, ...OURS }, 'ours', 'service'],
    [
      'our own variable, even if the SDK’s are ignored',
      { ...ALL, ...SERVICES, ...OURS, ...IGNORE },
      'ours',
      null,
    ],
    ['the SDK’s variable of the service', { ...ALL, ...SERVICES }, 'service', 'service'],
    ['the SDK’s variable of all services', ALL, 'all', 'all'],
    ['AWS where the SDK’s are ignored', { ...ALL, ...SERVICES, ...IGNORE }, null, null],
    ['AWS without a variable', {}, null, null],
  ])('is that of %s', (_, variables, expected, ofS3) => {
    const processor = readSettings(processorSettings, { ...REQUIRED, ...variables });
    const watcher = readSettings(watcherSettings, { ...REQUIRED, ...variables });
    const shown = (host: string | null) => (host === null ? undefined : url(host));
    expect(endpointOf('SQS', processor)).toBe(shown(expected));
    expect(endpointOf('SES', watcher)).toBe(shown(expected));
    expect(endpointOf('S3', processor)).toBe(shown(ofS3));
  });

  it.each([
    ['AWS_ENDPOINT_URL', 'localhost:9324'],
    ['AWS_ENDPOINT_URL_SQS', 'sqs'],
    ['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'True'],
  ])('is refused where %s is %j', (variable, value) => {
    const read = () => readSettings(processorSettings, { ...REQUIRED, [variable]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(variable);
  });
});

describe('SQS_QUEUE_URL', () => {
  const read = (SQS_QUEUE_URL: string, variables: Record<string, string> = {}) =>
    readSettings(processorSettings, { ...REQUIRED, SQS_QUEUE_URL, ...variables });
  const OREGON = { AWS_DEFAULT_REGION: 'eu-central-1', SQS_REGION: 'us-west-2' };

  it.each([
    'https://sqs.us-west-2.amazonaws.com/1/errors',
    'https://us-west-2.queue.amazonaws.com/1/errors',
    'https://queue.amazonaws.com/1/errors',
    'https://sqs-fips.us-west-2.api.aws/1/errors',
    'https://vpce-1-x.sqs.us-west-2.vpce.amazonaws.com/1/errors',
  ])('may be %s in us-west-2', (queueUrl) => {
    expect(read(queueUrl, OREGON).SQS_QUEUE_URL).toBe(queueUrl);
  });

  it.each([
    'https://sqs.eu-west-1.amazonaws.com/1/errors',
    'https://eu-west-1.queue.amazonaws.com/1/errors',
    'https://sqs.cn-north-1.amazonaws.com.cn/1/errors',
    'https://sqs.us-gov-west-1.amazonaws.com/1/errors',
  ])('gives the region, and is refused with another SQS_REGION: %s', (queueUrl) => {
    expect(sqsRegionOf(read(queueUrl))).toBe(/[a-z]+(-[a-z]+)+-\d/.exec(queueUrl)?.[0]);
    expect(() => read(queueUrl, OREGON)).toThrow(
      /SQS_QUEUE_URL +is in the region \S+, but SQS_REGION is another/,
    );
  });

  it.each(['http://localhost:9324/1/errors', 'https://sqs.us-west-2.amazonaws.com.example.com/1/errors'])(
    'of another server is refused without an endpoint: %s',
    (queueUrl) => {
      expect(() => read(queueUrl)).toThrow(/SQS_QUEUE_URL +is not a URL of AWS: set SQS_ENDPOINT_URL/);
      const anywhere = { SQS_ENDPOINT_URL: url('elsewhere') };
      expect(read(queueUrl, anywhere).SQS_QUEUE_URL).toBe(queueUrl);
    },
  );
});

describe('SQS_DEAD_LETTER_QUEUE_NAME', () => {
  it.each([
    { SQS_QUEUE_NAME: 'errors', SQS_DEAD_LETTER_QUEUE_NAME: 'errors' },
    { SQS_DEAD_LETTER_QUEUE_NAME: 'sentry_errors' },
    {
      SQS_QUEUE_URL: 'https://sqs.us-west-2.amazonaws.com/1/errors',
      SQS_DEAD_LETTER_QUEUE_NAME: 'errors',
    },
  ])('must not be the queue itself, which would receive each dead letter again: %j', (variables) => {
    expect(() => readSettings(processorSettings, { ...REQUIRED, ...variables })).toThrow(
      /SQS_DEAD_LETTER_QUEUE_NAME +must not be the name of the queue itself/,
    );
  });

  it.each([
    { SQS_QUEUE_NAME: 'errors.fifo', SQS_DEAD_LETTER_QUEUE_NAME: 'letters' },
    { SQS_QUEUE_NAME: 'errors', SQS_DEAD_LETTER_QUEUE_NAME: 'letters.fifo' },
  ])('must be of the queue’s kind: %j', (variables) => {
    expect(() => readSettings(processorSettings, { ...REQUIRED, ...variables })).toThrow(
      /SQS_DEAD_LETTER_QUEUE_NAME +must end with \.fifo if the queue does, and only then/,
    );
  });

  it('may end with .fifo like the queue', () => {
    const names = { SQS_QUEUE_NAME: 'errors.fifo', SQS_DEAD_LETTER_QUEUE_NAME: 'letters.fifo' };
    expect(readSettings(processorSettings, { ...REQUIRED, ...names })).toMatchObject(names);
  });
});
