import type { Command } from 'commander';
import type { StatusSettings } from '../../config/env.ts';
import { statusSettings } from '../../config/env.ts';
import { createPool } from '../../db/pool.ts';
import { databaseStatus } from '../../db/status.ts';
import { queuesStatus } from '../../queue/depth.ts';
import { createSqsClient } from '../../queue/sqs.ts';
import { messageOf } from '../../runtime/errors.ts';
import { Teardown } from '../../runtime/lifecycle.ts';
import { queueNames, sqsOptions } from '../aws-settings.ts';
import type { CommandContext, Register } from '../command.ts';
import type { OptionVariables } from '../options.ts';
import { AWS_OPTIONS } from '../options.ts';
import { problemsOf, toJson, toTable } from './status-report.ts';

const OPTIONS: readonly OptionVariables[] = [
  { flags: '--json', variable: 'STATUS_JSON', about: 'print JSON' },
  { flags: '--queue-name <name>', variable: 'SQS_QUEUE_NAME', about: 'queue that Sentry forwards to' },
  { flags: '--queue-url <url>', variable: 'SQS_QUEUE_URL', about: 'use this queue as it is' },
  {
    flags: '--dead-letter-queue-name <name>',
    variable: 'SQS_DEAD_LETTER_QUEUE_NAME',
    about: 'for messages that are no events',
  },
  { flags: '--endpoint-url <url>', variable: 'SQS_ENDPOINT_URL', about: 'of a local SQS' },
  ...AWS_OPTIONS,
];

const STATEMENT_TIMEOUT_MILLISECONDS = 30_000;

export function addStatus(program: Command, register: Register): void {
  register(
    program
      .command('status')
      .description('show queue, runs, alerts and sizes; exit 1 when something is overdue'),
    statusSettings,
    OPTIONS,
    showStatus,
  );
}

/** @throws Error naming what is overdue or can't be asked, after all that is known was printed */
async function showStatus(settings: StatusSettings, { logger: loggerOf }: CommandContext): Promise<void> {
  const logger = loggerOf('status');
  const teardown = new Teardown(logger);
  const client = createSqsClient(sqsOptions(settings));
  teardown.add('the queue client', async () => client.destroy());
  const pool = createPool({
    connectionString: settings.DATABASE_URL,
    applicationName: 'bec-alerts status',
    max: 1,
    statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS,
    onIdleError: (error) => logger.debug('the database connection broke', { error }),
  });
  teardown.add('the database', () => pool.end());
  try {
    // What can be had is shown, whatever the other doesn't answer.
    const [queues, database] = await Promise.all([
      queuesStatus(client, queueNames(settings)).catch((error: unknown) => ({ error: messageOf(error) })),
      databaseStatus(pool).catch((error: unknown) => ({ error: messageOf(error) })),
    ]);
    const status = { queues, database };
    const problems = problemsOf(status, settings.WATCHER_SLEEP_DELAY);
    const text = settings.STATUS_JSON ? toJson(status, problems) : toTable(status, problems);
    process.stdout.write(`${text}\n`);
    if (problems.length > 0) throw new Error(problems.join('\n'));
  } finally {
    await teardown.run();
  }
}
