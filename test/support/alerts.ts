import { randomUUID } from 'node:crypto';
import { poll } from '../../dev/poll.ts';
import type { LocalService, StoredEmail } from '../../dev/services.ts';
import { clearEmails, storedEmails } from '../../dev/services.ts';
import { storeEvents } from '../../src/db/events.ts';
import type { Pool } from '../../src/db/pool.ts';
import type { ErrorEvent } from '../../src/domain/event.ts';
import { afterFile } from './after-file.ts';
import type { Environment, Finished } from './command.ts';
import { runCommand } from './command.ts';
import type { TestDatabase } from './database.ts';
import { errorEvent } from './events.ts';
import { createLocalSes } from './local-ses.ts';

const DAY = 86_400_000;

export const daysAgo = (days: number, from = new Date()) => new Date(from.getTime() - days * DAY);

let server: Promise<LocalService> | undefined;

/** Runs the real `bec-alerts watcher --once`, mailing to a real SES-protocol server. */
export async function watchOnce(
  database: TestDatabase,
  env: Environment = {},
  parameters: readonly string[] = [],
): Promise<{ finished: Finished; emails: StoredEmail[] }> {
  server ??= createLocalSes();
  afterFile(() => {
    server = undefined;
  });
  const { endpoint } = await server;
  await clearEmails(endpoint);
  const finished = await runCommand(['watcher', '--once', ...parameters], {
    DATABASE_URL: database.url,
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    SES_ENDPOINT_URL: endpoint,
    // The local SES leaves the question for the account's rate without an answer.
    SES_MAX_SEND_RATE: '1000',
    ...env,
  });
  return { finished, emails: await storedEmails(endpoint) };
}

/** Stores `count` events of one issue as the processor would, each of another user. */
export async function happen(
  pool: Pool,
  groupId: string,
  count: number,
  overrides: Partial<ErrorEvent> = {},
): Promise<void> {
  const events = Array.from({ length: count }, () => {
    const user = `id:${randomUUID()}`;
    return errorEvent({ groupId, message: `issue ${groupId}`, user, ...overrides });
  });
  if (events.length > 0) await storeEvents(pool, events);
}

/** A test about "today" must not begin just before today ends. */
export async function awayFromMidnight(): Promise<void> {
  const today = new Date().getUTCDate();
  if (new Date(Date.now() + 20_000).getUTCDate() === today) return;
  const passed = async () => (new Date().getUTCDate() === today ? undefined : true);
  await poll('midnight UTC', passed);
}
