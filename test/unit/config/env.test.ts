import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  migrateSettings,
  processorSettings,
  readSettings,
  simulateSettings,
  watcherSettings,
} from '../../../src/config/env.ts';
import type { Variables } from '../../../src/config/variables.ts';

const REQUIRED = { DATABASE_URL: 'postgres://u:p@db/bec', AWS_DEFAULT_REGION: 'us-west-2' };

function mistakes(read: () => unknown): Record<string, string> {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError)
      return Object.fromEntries(error.mistakes.map(({ variable, problem }) => [variable, problem]));
    throw error;
  }
  return {};
}

describe('the processor’s settings', () => {
  it('have the documented defaults', () => {
    expect(readSettings(processorSettings, REQUIRED)).toEqual({
      ...REQUIRED,
      LOG_FORMAT: 'mozlog',
      LOG_LEVEL: 'INFO',
      DATABASE_AUTH: 'password',
      AWS_CONNECT_TIMEOUT: 30,
      AWS_READ_TIMEOUT: 30,
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'false',
      DD_DOGSTATSD_PORT: 8125,
      SQS_QUEUE_NAME: 'sentry_errors',
      EVENT_TAGS: ['release', 'environment', 'browser', 'os'],
      PROCESSOR_SLEEP_DELAY: 20,
      PROCESSOR_PROCESS_COUNT: availableParallelism(),
      PROCESSOR_WORKER_MESSAGE_COUNT: 200,
    });
  });

  it.each([
    ['os, release', ['release', 'os']],
    ['os,os', ['os']],
    ['', []],
    [' ', []],
  ])('keep the tags of %j alone', (EVENT_TAGS, expected) => {
    expect(readSettings(processorSettings, { ...REQUIRED, EVENT_TAGS }).EVENT_TAGS).toEqual(expected);
  });

  it.each(['user', 'release,url', 'Release'])('refuse the tags %j: the list is closed', (EVENT_TAGS) => {
    expect(() => readSettings(processorSettings, { ...REQUIRED, EVENT_TAGS })).toThrow(
      /EVENT_TAGS +must be of release, environment, browser, os/,
    );
  });

  it('name every wrong variable at once', () => {
    const wrong = {
      LOG_LEVEL: 'loud',
      AWS_READ_TIMEOUT: 'soon',
      PROCESSOR_PROCESS_COUNT: '0',
      SQS_QUEUE_NAME: 'no spaces please',
      SENTRY_DSN: 'https://sentry.example.com/2',
      DATABASE_URL: 'mysql://db/x',
    };
    expect(Object.keys(mistakes(() => readSettings(processorSettings, wrong))).sort()).toEqual([
      'AWS_DEFAULT_REGION',
      'AWS_READ_TIMEOUT',
      'DATABASE_URL',
      'LOG_LEVEL',
      'PROCESSOR_PROCESS_COUNT',
      'SENTRY_DSN',
      'SQS_QUEUE_NAME',
    ]);
  });

  it.each([
    'https://sqs.us-west-2.amazonaws.com/1/errors/',
    'https://sqs.us-west-2.amazonaws.com/',
    'https://sqs.us-west-2.amazonaws.com/1/no%20name',
  ])('want a queue’s name at the end of SQS_QUEUE_URL, not %s', (SQS_QUEUE_URL) => {
    const read = () => readSettings(processorSettings, { ...REQUIRED, SQS_QUEUE_URL });
    expect(mistakes(read)).toEqual({
      SQS_QUEUE_URL: expect.stringMatching(/^must end with the queue's name/),
    });
  });

  it('want a name for the dead-letter queue where the queue’s is too long to be added to', () => {
    const read = (variables: Variables) => () =>
      readSettings(processorSettings, { AWS_DEFAULT_REGION: 'us-west-2', ...variables });
    const [fits, long] = ['x'.repeat(67), 'x'.repeat(68)];
    const url = (name: string) => `https://sqs.us-west-2.amazonaws.com/1/${name}`;
    const named = (variables: Variables) =>
      Object.entries(mistakes(read(variables)))
        .filter(([, problem]) => problem.endsWith('set SQS_DEAD_LETTER_QUEUE_NAME'))
        .map(([variable]) => variable);
    expect(named({ SQS_QUEUE_NAME: fits })).toEqual([]);
    expect(named({ SQS_QUEUE_NAME: long })).toEqual(['SQS_QUEUE_NAME']);
    expect(named({ SQS_QUEUE_NAME: `${fits.slice(5)}.fifo` })).toEqual([]);
    expect(named({ SQS_QUEUE_NAME: `${fits.slice(4)}.fifo` })).toEqual(['SQS_QUEUE_NAME']);
    expect(named({ SQS_QUEUE_NAME: long, SQS_QUEUE_URL: url(fits) })).toEqual([]);
    expect(named({ SQS_QUEUE_URL: url(long) })).toEqual(['SQS_QUEUE_URL']);
    expect(named({ SQS_QUEUE_NAME: long, SQS_DEAD_LETTER_QUEUE_NAME: 'letters' })).toEqual([]);
  });

  it('take an empty variable for one that is not set', () => {
    const settings = readSettings(processorSettings, { ...REQUIRED, SENTRY_DSN: '', SQS_QUEUE_NAME: ' ' });
    expect(settings).toMatchObject({ SQS_QUEUE_NAME: 'sentry_errors' });
    expect(settings.SENTRY_DSN).toBeUndefined();
  });

  it('never quote the value of a wrong URL, which can hold a password', () => {
    const read = () =>
      readSettings(processorSettings, { ...REQUIRED, DATABASE_URL: 'postgers://u:hunter2@db/x' });
    expect(read).toThrow(ConfigError);
    expect(read).not.toThrow(/hunter2/);
  });
});

describe('the watcher’s settings', () => {
  it('have the documented defaults', () => {
    expect(readSettings(watcherSettings, REQUIRED)).toMatchObject({
      SES_FROM_EMAIL: { name: '', address: 'notifications@sentry.prod.mozaws.net' },
      SES_VERIFY_EMAIL: false,
      WATCHER_SLEEP_DELAY: 300,
      WATCHER_SINCE: 86_400_000,
      DATADOG_COUNTER_NAME: 'bec-alerts.watcher.health',
      ALERT_EMAILS: [],
      ALERT_DIGEST: 'off',
      ALERT_MAX_PER_RUN: 50,
      ALERT_SUBJECT_PREFIX: '[Firefox Browser Errors]',
      RETENTION_DAYS: 90,
    });
  });

  it.each([
    ['True', true],
    ['1', true],
    ['YES', true],
    ['on', true],
    ['False', false],
    ['0', false],
    ['no', false],
    ['OFF', false],
  ])('take %s for a boolean', (SES_VERIFY_EMAIL, expected) => {
    expect(readSettings(watcherSettings, { ...REQUIRED, SES_VERIFY_EMAIL }).SES_VERIFY_EMAIL).toBe(expected);
  });

  it('refuse a value that is not a boolean', () => {
    const read = () => readSettings(watcherSettings, { ...REQUIRED, SES_VERIFY_EMAIL: 'maybe' });
    expect(mistakes(read)).toEqual({
      SES_VERIFY_EMAIL: 'must be one of True, False, 1, 0, yes, no, on, off',
    });
  });

  it('split ALERT_EMAILS at commas, each address once', () => {
    const ALERT_EMAILS = 'a@example.com, b@example.com,,A@Example.com';
    expect(readSettings(watcherSettings, { ...REQUIRED, ALERT_EMAILS }).ALERT_EMAILS).toEqual([
      'a@example.com',
      'b@example.com',
    ]);
  });

  it('take a send rate with a fraction, and ask SES without one', () => {
    expect(readSettings(watcherSettings, REQUIRED)).not.toHaveProperty('SES_MAX_SEND_RATE');
    const settings = readSettings(watcherSettings, { ...REQUIRED, SES_MAX_SEND_RATE: '0.5' });
    expect(settings.SES_MAX_SEND_RATE).toBe(0.5);
  });

  it('refuse values that are not a rate, a digest or a number of alerts', () => {
    const wrong = { SES_MAX_SEND_RATE: '0', ALERT_DIGEST: 'daily', ALERT_MAX_PER_RUN: '0' };
    expect(mistakes(() => readSettings(watcherSettings, { ...REQUIRED, ...wrong }))).toEqual({
      SES_MAX_SEND_RATE: 'must be a number per second from 0.01 to 100000',
      ALERT_DIGEST: 'must be one of off, run',
      ALERT_MAX_PER_RUN: 'must be a whole number from 1 to 1000000',
    });
  });

  it.each(['3', '-1d', '1.5h', '1y', '521w'])(
    'refuse %s for the time from which a new trigger starts',
    (WATCHER_SINCE) => {
      expect(mistakes(() => readSettings(watcherSettings, { ...REQUIRED, WATCHER_SINCE }))).toEqual({
        WATCHER_SINCE: 'must be a whole number with m, h, d or w, such as 8h, from 0m to 520w',
      });
    },
  );

  it('read no events of SES by default, and refuse a name that SQS would refuse', () => {
    expect(readSettings(watcherSettings, REQUIRED)).not.toHaveProperty('SES_EVENTS_QUEUE_NAME');
    const wrong = { SES_EVENTS_QUEUE_NAME: 'arn:aws:sqs:a:1:b', SQS_ENDPOINT_URL: 'localhost' };
    expect(mistakes(() => readSettings(watcherSettings, { ...REQUIRED, ...wrong }))).toEqual({
      SES_EVENTS_QUEUE_NAME: 'must be 1 to 80 of A-Z a-z 0-9 _ -, then .fifo for a FIFO queue',
      SQS_ENDPOINT_URL: 'must be an http:// or https:// URL',
    });
  });

  it('want {groupId} in SENTRY_ISSUE_URL', () => {
    const read = () =>
      readSettings(watcherSettings, { ...REQUIRED, SENTRY_ISSUE_URL: 'https://sentry.example.com/' });
    expect(Object.keys(mistakes(read))).toEqual(['SENTRY_ISSUE_URL']);
  });

  it('ignore variables that only the Python service needed', () => {
    const old = { DJANGO_SECRET_KEY: 'x', DATADOG_API_KEY: 'y' };
    expect(readSettings(watcherSettings, { ...REQUIRED, ...old })).not.toHaveProperty('DJANGO_SECRET_KEY');
  });
});

describe('the log’s settings', () => {
  it('are mozlog at INFO by default, in any case', () => {
    const read = (variables: Variables) => readSettings(migrateSettings, { ...REQUIRED, ...variables });
    expect(read({})).toMatchObject({ LOG_FORMAT: 'mozlog', LOG_LEVEL: 'INFO' });
    expect(read({ LOG_FORMAT: 'Compose', LOG_LEVEL: 'debug' })).toMatchObject({
      LOG_FORMAT: 'compose',
      LOG_LEVEL: 'DEBUG',
    });
  });
});

describe('the simulated error’s settings', () => {
  it('take the DSN of a local Sentry', () => {
    const SIMULATE_SENTRY_DSN = 'http://abcdef@localhost:9000/2';
    expect(readSettings(simulateSettings, { SIMULATE_SENTRY_DSN }).SIMULATE_SENTRY_DSN).toBe(
      SIMULATE_SENTRY_DSN,
    );
  });
});
