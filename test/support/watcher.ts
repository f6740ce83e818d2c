import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { poll } from '../../dev/poll.ts';
import type { Pool } from '../../src/db/pool.ts';
import { TABLES } from '../../src/db/status.ts';
import type { Environment, Finished, RunningCommand } from './command.ts';
import { runCommand, startCommand } from './command.ts';
import type { TestDatabase } from './database.ts';

export const ON_CALL = 'oncall@example.com';

/** Starts `bec-alerts watcher` on a test's database and SES; without `--once` a daemon that runs twice a second. */
export function startWatcher(
  database: TestDatabase,
  sesEndpoint: string,
  parameters: readonly string[],
  env: Environment = {},
  main?: string,
): RunningCommand {
  return startCommand(
    ['watcher', ...parameters],
    watcherVariables(database, sesEndpoint, env),
    undefined,
    main,
  );
}

function watcherVariables(database: TestDatabase, sesEndpoint: string, env: Environment): Environment {
  return {
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    DATABASE_URL: database.url,
    SES_ENDPOINT_URL: sesEndpoint,
    SES_FROM_EMAIL: 'bec-alerts@example.com',
    SES_MAX_SEND_RATE: '1000',
    ALERT_EMAILS: ON_CALL,
    WATCHER_SLEEP_DELAY: '0.5',
    // Many tests store events of long ago.
    WATCHER_SINCE: '520w',
    LOG_FORMAT: 'mozlog',
    LOG_LEVEL: 'DEBUG',
    ...env,
  };
}

/** One run through the real command line. */
export async function runWatcher(
  database: TestDatabase,
  sesEndpoint: string,
  parameters: readonly string[] = [],
  env: Environment = {},
): Promise<Finished> {
  return await runCommand(['watcher', '--once', ...parameters], watcherVariables(database, sesEndpoint, env));
}

/** A trigger file, removed after the test. @param source the array that it exports, as JavaScript */
export async function triggerFile(source: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bec-alerts-triggers-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'triggers.mjs');
  await writeFile(file, `export default ${source};\n`);
  return file;
}

/** A statement that doesn't return control for so long, as a loop, but takes no CPU. @param milliseconds default: forever */
export function blocks(milliseconds?: number): string {
  return `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${milliseconds});`;
}

/** A trigger file that notifies of every changed issue, each time. */
export async function everyEventFile(emails: readonly string[] = [ON_CALL]): Promise<string> {
  return await triggerFile(
    `[{ name: 'Every event', emails: ${JSON.stringify(emails)}, evaluate: () => ({ notify: true, because: 'it changed' }) }]`,
  );
}

export interface AlertRow {
  readonly trigger: string;
  readonly email: string;
  readonly group_id: string;
  readonly because: string;
  readonly status: string;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly ses_message_id: string | null;
}

/** The outbox in the order decided. */
export async function outbox(pool: Pool): Promise<AlertRow[]> {
  const { rows } = await pool.query<AlertRow>(
    `SELECT trigger, email, group_id, because, status, attempts, last_error, ses_message_id
     FROM alerts JOIN recipients ON recipients.id = recipient_id JOIN issues ON issues.id = issue_id
     ORDER BY alerts.id`,
  );
  return rows;
}

/** The issues of each trigger's alerts, in the order decided. */
export async function alertsByTrigger(pool: Pool): Promise<Record<string, string[]>> {
  const byTrigger = Map.groupBy(await outbox(pool), ({ trigger }) => trigger);
  return Object.fromEntries(
    [...byTrigger].map(([trigger, alerts]) => [trigger, alerts.map(({ group_id }) => group_id)]),
  );
}

/** The outbox once it holds as many alerts and none of them waits. */
export async function settled(pool: Pool, count: number): Promise<AlertRow[]> {
  const ask = async () => {
    const rows = await outbox(pool);
    return rows.length >= count && rows.every(({ status }) => status !== 'pending') ? rows : undefined;
  };
  return await poll(`${count} settled alerts`, ask);
}

export interface RunRow {
  readonly finished: boolean;
  readonly issue_count: number;
  readonly alert_count: number;
}

/** All runs, oldest first. */
export async function runs(pool: Pool): Promise<RunRow[]> {
  const { rows } = await pool.query<RunRow>(
    `SELECT finished_at IS NOT NULL AS finished, issue_count::int, alert_count::int FROM trigger_runs ORDER BY id`,
  );
  return rows;
}

/** Every row of every table, to see that nothing was left behind. */
export async function contents(pool: Pool): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {};
  for (const table of TABLES) {
    const { rows } = await pool.query<{ row: string }>(`SELECT t::text AS row FROM ${table} AS t ORDER BY 1`);
    all[table] = rows.map(({ row }) => row);
  }
  return all;
}
