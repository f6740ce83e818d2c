import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { distinctEmails } from '../domain/email.ts';
import { isTag, TAGS } from '../domain/tags.ts';
import { canaryCheck, canaryVariables } from './canary.ts';
import { databaseCheck, databaseVariables } from './database.ts';
import { agentVariables } from './dogstatsd.ts';
import { s3Endpoint, sesEndpoint, sqsEndpoint } from './endpoints.ts';
import { isEmail } from './is-email.ts';
import { mailbox } from './mailbox.ts';
import { proxyVariables } from './proxy.ts';
import { queueCheck, queueName, queueVariables } from './queue.ts';
import { readSecretFiles, secretFile } from './secret-files.ts';
import { choice, duration, flag, httpUrl, perSecond, seconds, text, wholeNumber } from './values.ts';
import type { ConfigMistake, Variables } from './variables.ts';

/** Every mistake of one configuration, each with its variable. */
export class ConfigError extends Error {
  readonly mistakes: readonly ConfigMistake[];

  constructor(mistakes: readonly ConfigMistake[]) {
    const width = Math.max(...mistakes.map(({ variable }) => variable.length));
    const lines = mistakes.map(({ variable, problem }) => `  ${variable.padEnd(width)}  ${problem}`);
    super(`wrong configuration\n${lines.join('\n')}`);
    this.name = 'ConfigError';
    this.mistakes = mistakes;
  }
}

/**
 * Reads a command's settings, also from the files that variables such as `DATABASE_URL_FILE` name. An empty variable
 * counts as not set: compose files pass unset variables as empty ones.
 * @param found mistakes found earlier, to be reported together with those found here
 * @throws ConfigError that names every wrong variable
 */
export function readSettings<T extends z.ZodObject>(
  schema: T,
  variables: Variables,
  found: readonly ConfigMistake[] = [],
): z.infer<T> {
  const known = Object.keys(schema.shape).map((name) => [name, variables[name]] as const);
  const set = known.filter(([name, value]) => isSet(name, value));
  const files = readSecretFiles(Object.fromEntries(set));
  const result = schema.safeParse({ ...Object.fromEntries(set), ...files.values });
  const earlier = [...found, ...files.mistakes];
  if (result.success && earlier.length === 0) return result.data;
  const wrong = (result.error?.issues ?? []).map(({ path, message }) => ({
    variable: String(path[0]),
    problem: message,
  }));
  throw new ConfigError([...earlier, ...files.explain(wrong)]);
}

/** Whether a value counts. */
export function isSet(name: string, value: string | undefined): value is string {
  return value !== undefined && (value.trim() !== '' || EMPTY_SAYS_NONE.has(name));
}

/** For these, empty is not the same as not set: it is the empty list. */
const EMPTY_SAYS_NONE: ReadonlySet<string> = new Set(['EVENT_TAGS']);

const MAX_DELAY_SECONDS = 86_400;
// Checked as strictly as the Sentry SDK checks it. The SDK prints a DSN that it rejects, with the key, and sends
// nothing.
const dsn = httpUrl.refine((value) => {
  const { username, password, pathname } = new URL(value);
  return /^\w+$/.test(username) && /^\w*$/.test(password) && /\/\d+$/.test(pathname);
}, 'must be a Sentry DSN such as https://PUBLIC_KEY@HOST/PROJECT_ID');
/** The parts of a list separated by commas. */
function listOf(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

const emails = z
  .string()
  .transform(listOf)
  .refine((list) => list.every(isEmail), 'must be email addresses (ASCII) separated by commas')
  .transform(distinctEmails);

const tags = z
  .string()
  .transform(listOf)
  .refine((list) => list.every(isTag), `must be of ${TAGS.join(', ')}, separated by commas; empty keeps none`)
  .transform((list) => TAGS.filter((tag) => list.includes(tag)));

const issueUrl = httpUrl.refine(
  (value) => value.includes('{groupId}'),
  'must contain {groupId}, such as https://sentry.example.com/issues/{groupId}/',
);

/** Variables of every command. */
const log = {
  LOG_FORMAT: choice(['mozlog', 'compose'], (value) => value.toLowerCase()).default('mozlog'),
  LOG_LEVEL: choice(['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG'], (value) =>
    value.toUpperCase(),
  ).default('INFO'),
};

const aws = {
  AWS_DEFAULT_REGION: text(),
  AWS_CONNECT_TIMEOUT: seconds(0.1, 600).default(30),
  AWS_READ_TIMEOUT: seconds(0.1, 600).default(30),
};

export const DEFAULT_FROM_EMAIL = 'notifications@sentry.prod.mozaws.net';
const watcherDelay = seconds(0.1, MAX_DELAY_SECONDS).default(300);
export const DEFAULT_SINCE = '1d';
const watcherSince = duration('0m', '520w').prefault(DEFAULT_SINCE);

const daemon = {
  ...log,
  ...databaseVariables,
  ...aws,
  SENTRY_DSN: dsn.optional(),
  SENTRY_DSN_FILE: secretFile,
  /** 0 chooses any free port. */
  PORT: wholeNumber(0, 65_535).optional(),
  ...agentVariables,
};

export const processorSettings = z
  .object({
    ...daemon,
    ...queueVariables,
    ...s3Endpoint,
    EVENT_TAGS: tags.default([...TAGS]),
    PROCESSOR_SLEEP_DELAY: seconds(0, MAX_DELAY_SECONDS).default(20),
    PROCESSOR_PROCESS_COUNT: wholeNumber(1, 512).default(() => availableParallelism()),
    PROCESSOR_WORKER_MESSAGE_COUNT: wholeNumber(1, 100_000_000).default(200),
  })
  .check(databaseCheck)
  .check(queueCheck);

export const deadLettersSettings = z
  .object({
    ...log,
    ...aws,
    ...queueVariables,
    DEAD_LETTERS_REDRIVE: flag().default(false),
    DEAD_LETTERS_REASON: text().optional(),
    DEAD_LETTERS_LIMIT: wholeNumber(1, 100_000).optional(),
    DEAD_LETTERS_JSON: flag().default(false),
    DEAD_LETTERS_BODIES: flag().default(false),
    ...proxyVariables,
  })
  .check(queueCheck);

const watcherVariables = z.object({
  ...daemon,
  ...sesEndpoint,
  SES_FROM_EMAIL: mailbox.prefault(DEFAULT_FROM_EMAIL),
  SES_CONFIGURATION_SET: z
    .string()
    .trim()
    .regex(/^[\w-]{1,64}$/, 'must be the name of a configuration set: 1 to 64 letters, digits, _ -')
    .optional(),
  SES_EVENTS_QUEUE_NAME: queueName.optional(),
  SES_REGION: text().optional(),
  ...sqsEndpoint,
  SES_VERIFY_EMAIL: flag().default(false),
  SES_MAX_SEND_RATE: perSecond(0.01, 100_000).optional(),
  WATCHER_SLEEP_DELAY: watcherDelay,
  WATCHER_SINCE: watcherSince,
  WATCHER_ONCE: flag().default(false),
  WATCHER_DRY_RUN: flag().default(false),
  WATCHER_CONSOLE_ALERTS: flag().default(false),
  DATADOG_API_KEY: z.string().optional(),
  DATADOG_COUNTER_NAME: z
    .string()
    .trim()
    .regex(
      /^[A-Za-z][A-Za-z0-9_.-]{0,199}$/,
      'must be a DogStatsD name: a letter, then letters, digits, _ . -',
    )
    .default('bec-alerts.watcher.health'),
  ALERT_EMAILS: emails.default([]),
  ALERT_DIGEST: choice(['off', 'run'], (value) => value.toLowerCase()).default('off'),
  ALERT_MAX_PER_RUN: wholeNumber(1, 1_000_000).default(50),
  ALERT_SUBJECT_PREFIX: z
    .string()
    .trim()
    .max(100, 'must be at most 100 characters')
    .default('[Firefox Browser Errors]'),
  SENTRY_ISSUE_URL: issueUrl.optional(),
  TRIGGERS: text().optional(),
  RETENTION_DAYS: wholeNumber(15, 36_500).default(90),
  ...canaryVariables,
  SIMULATE_SENTRY_DSN: dsn.optional(),
  SIMULATE_SENTRY_DSN_FILE: secretFile,
});

export const watcherSettings = watcherVariables.check(databaseCheck).check(canaryCheck);

export const statusSettings = z
  .object({
    ...log,
    ...databaseVariables,
    ...aws,
    ...queueVariables,
    WATCHER_SLEEP_DELAY: watcherDelay,
    STATUS_JSON: flag().default(false),
  })
  .check(databaseCheck)
  .check(queueCheck);

/** The settings of `triggers`, which needs neither a database nor AWS. */
export const triggersSettings = watcherVariables.pick({
  LOG_FORMAT: true,
  LOG_LEVEL: true,
  ALERT_EMAILS: true,
  TRIGGERS: true,
});

export const explainSettings = triggersSettings
  .extend({ ...databaseVariables, WATCHER_SINCE: watcherSince, EXPLAIN_JSON: flag().default(false) })
  .check(databaseCheck);

export const backtestSettings = triggersSettings
  .extend({
    ...databaseVariables,
    BACKTEST_DAYS: wholeNumber(0, 3_650).default(30),
    BACKTEST_AGAINST: text().optional(),
    BACKTEST_JSON: flag().default(false),
  })
  .check(databaseCheck);

export const migrateSettings = z.object({ ...log, ...databaseVariables }).check(databaseCheck);

export const logSettings = z.object(log);

export const simulateSettings = z.object({
  ...log,
  SIMULATE_SENTRY_DSN: dsn.optional(),
  SIMULATE_SENTRY_DSN_FILE: secretFile,
  SIMULATE_MESSAGE: text().default('bec-alerts simulated error'),
  SIMULATE_NO_TRACEBACK: flag().default(false),
  ...proxyVariables,
});

/** The schema of any command: each has the variables of the log. */
export type SettingsSchema = z.ZodObject<typeof log>;
export type ProcessorSettings = z.infer<typeof processorSettings>;
export type DeadLettersSettings = z.infer<typeof deadLettersSettings>;
export type WatcherSettings = z.infer<typeof watcherSettings>;
export type StatusSettings = z.infer<typeof statusSettings>;
export type TriggersSettings = z.infer<typeof triggersSettings>;
export type ExplainSettings = z.infer<typeof explainSettings>;
export type BacktestSettings = z.infer<typeof backtestSettings>;
