import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { findOrCreateQueues } from '../src/queue/provision.ts';
import { Teardown } from '../src/runtime/lifecycle.ts';
import { createLogger } from '../src/runtime/logger.ts';
import type { LocalPostgres } from './postgres/local-postgres.ts';
import { startPostgres, uniqueDatabaseName } from './postgres/local-postgres.ts';
import type { ForwardedEvent } from './sentry/forwarded.ts';
import type { LocalSentry } from './sentry/stand-in.ts';
import { startSentry } from './sentry/stand-in.ts';
import { startSes, startSqs } from './services.ts';

/** Preferred ports; a part of the stack whose port is taken gets another. */
export interface StackPorts {
  readonly postgres?: number;
  readonly sqs?: number;
  readonly ses?: number;
  readonly sentry?: number;
}

export interface StackOptions {
  readonly say: (line: string) => void;
  /** A Postgres server to use instead of a private one. A new database is created there and dropped at the end. */
  readonly databaseUrl?: string | undefined;
  readonly ports?: StackPorts;
  /** Called for each event that the Sentry stand-in put on the queue. */
  readonly onEvent?: (event: ForwardedEvent) => void;
  /** Gives up between two parts, and closes what was started. */
  readonly signal?: AbortSignal;
}

/** Everything that bec-alerts talks to, on this machine. */
export interface Stack {
  /** Every variable that `bec-alerts` needs to use this stack. */
  readonly env: Readonly<Record<string, string>>;
  readonly postgres: LocalPostgres;
  /** A fresh database; `bec-alerts migrate` hasn't run in it. */
  readonly databaseUrl: string;
  readonly sqs: {
    readonly endpoint: string;
    readonly client: SQSClient;
    readonly queueUrl: string;
    readonly deadLetterQueueUrl: string;
  };
  /** Its inbox page is at the endpoint. */
  readonly ses: { readonly endpoint: string };
  readonly sentry: LocalSentry;
  /** Last in, first out, each step bounded in time; one that fails doesn't stop the rest. Harmless when repeated. */
  close(): Promise<void>;
}

const REGION = 'us-east-1';
const QUEUE_NAME = 'sentry_errors';
const DATABASE = 'bec_alerts';
/** The local services need credentials but don't check them. */
const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
const STEP_MILLISECONDS = 30_000;

/** Starts all parts. If one can't be started, closes the parts before it and throws. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const destination = { write: (line: string) => options.say(line.trimEnd()) };
  const logger = createLogger({ format: 'compose', level: 'WARNING', name: 'stack', destination });
  const teardown = new Teardown(logger, STEP_MILLISECONDS);
  try {
    return await startParts(options, teardown);
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function startParts(options: StackOptions, teardown: Teardown): Promise<Stack> {
  const { say, ports = {}, signal } = options;
  const postgres = await startPostgres({ say, databaseUrl: options.databaseUrl, port: ports.postgres });
  teardown.add('Postgres', () => postgres.close());
  const databaseUrl = await freshDatabase(postgres, teardown);
  signal?.throwIfAborted();

  const sqsServer = await startSqs({ port: ports.sqs, say });
  teardown.add('SQS', () => sqsServer.close());
  const ses = await startSes({ port: ports.ses, say });
  teardown.add('SES', () => ses.close());
  signal?.throwIfAborted();

  const client = new SQSClient({ region: REGION, endpoint: sqsServer.endpoint, credentials: CREDENTIALS });
  teardown.add('the SQS client', async () => client.destroy());
  const { queueUrl, deadLetterQueueUrl } = await findOrCreateQueues(client, {
    queueName: QUEUE_NAME,
    queueUrl: undefined,
    deadLetterQueueName: undefined,
  });
  const sentry = await startSentry({
    port: ports.sentry,
    forward: async (MessageBody) => {
      await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
    },
    ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
  });
  teardown.add('the Sentry stand-in', () => sentry.close());
  say(`Sentry stand-in: ${sentry.dsn()}`);
  signal?.throwIfAborted();

  const sqs = { endpoint: sqsServer.endpoint, client, queueUrl, deadLetterQueueUrl };
  const env = variables(databaseUrl, sqs.endpoint, ses.endpoint, sentry);
  return { env, postgres, databaseUrl, sqs, ses, sentry, close: () => teardown.run() };
}

async function freshDatabase(postgres: LocalPostgres, teardown: Teardown): Promise<string> {
  const name = postgres.owned ? DATABASE : uniqueDatabaseName(DATABASE);
  const url = await postgres.createDatabase(name);
  if (!postgres.owned) teardown.add(`the database ${name}`, () => postgres.dropDatabase(name));
  return url;
}

function variables(
  databaseUrl: string,
  sqs: string,
  ses: string,
  sentry: LocalSentry,
): Record<string, string> {
  return {
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    DATABASE_URL: databaseUrl,
    SQS_ENDPOINT_URL: sqs,
    SQS_QUEUE_NAME: QUEUE_NAME,
    SES_ENDPOINT_URL: ses,
    SES_FROM_EMAIL: 'bec-alerts@example.com',
    // The local SES never answers the question for it.
    SES_MAX_SEND_RATE: '1000',
    ALERT_EMAILS: 'oncall@example.com',
    SENTRY_ISSUE_URL: sentry.issueUrl,
    SIMULATE_SENTRY_DSN: sentry.dsn(),
    LOG_FORMAT: 'compose',
    // All servers are on this machine, where a proxy of the shell can't reach them.
    NO_PROXY: '*',
    no_proxy: '*',
  };
}
