import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { LocalSentry } from '../../dev/sentry/stand-in.ts';
import { startSentry } from '../../dev/sentry/stand-in.ts';
import type { LocalService } from '../../dev/services.ts';
import { afterFile } from './after-file.ts';
import type { TestDatabase } from './database.ts';
import { createDatabase } from './database.ts';
import { createLocalSes } from './local-ses.ts';
import type { TestQueue } from './queue.ts';
import { createQueue } from './queue.ts';

/** All that the commands talk to; nothing in it is a double but Sentry. */
export interface TestSystem {
  readonly database: TestDatabase;
  readonly queue: TestQueue;
  readonly sentry: LocalSentry;
  readonly ses: LocalService;
  /** Every variable that a command needs. */
  readonly env: Readonly<Record<string, string>>;
}

/** A Sentry stand-in that forwards to this queue. */
export async function createSentry({ client, queueUrl }: TestQueue): Promise<LocalSentry> {
  const sentry = await startSentry({
    forward: async (MessageBody) => {
      await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
    },
  });
  afterFile(() => sentry.close());
  return sentry;
}

/** Closed after the file's last test. */
export async function createSystem(): Promise<TestSystem> {
  const [database, queue, ses] = await Promise.all([createDatabase(), createQueue(), createLocalSes()]);
  const sentry = await createSentry(queue);
  const env = {
    ...queue.env,
    DATABASE_URL: database.url,
    SES_ENDPOINT_URL: ses.endpoint,
    SES_FROM_EMAIL: 'bec-alerts@example.com',
    ALERT_EMAILS: 'oncall@example.com',
    SIMULATE_SENTRY_DSN: sentry.dsn(),
    LOG_FORMAT: 'compose',
  };
  return { database, queue, sentry, ses, env };
}
