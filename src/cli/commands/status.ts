import type { Command } from 'commander';
import type { StatusSettings } from '../../config/env.ts';
import { statusSettings } from '../../config/env.ts';
import { createPool } from '../../db/pool.ts';
import { databaseStatus } from '../../db/status.ts';
import { messageOf } from '../../runtime/errors.ts';
import { Teardown } from '../../runtime/lifecycle.ts';
import { queueNames, sqsOptions } from '../aws-settings.ts';
import type { CommandContext, Register } from '../command.ts';
import type { OptionVariables } from '../options.ts';
import { AWS_OPTIONS, LOCAL_SQS_OPTION } from '../options.ts';
import { problemsOf, toJson, toTable } from './status-report.ts';

const OPTIONS: readonly OptionVariables[] = [
  { flags: '--json', variable: 'STATUS_JSON', about: 'print JSON instead of a table' },
  {
    flags: '--queue-name <name>',
    variable: 'SQS_QUEUE_NAME',
    about: 'name of the queue that Sentry forwards events to',
  },
  { flags: '--queue-url <url>', variable: 'SQS_QUEUE_URL', about: 'URL of that queue, instead of its name' },
  {
    flags: '--dead-letter-queue-name <name>',
    variable: 'SQS_DEAD_LETTER_QUEUE_NAME',
    about: 'name of the dead-letter queue',
    otherwise: "default: the queue's name with _dead_letters",
  },
  LOCAL_SQS_OPTION,
  ...AWS_OPTIONS,
];

const STATEMENT_TIMEOUT_MILLISECONDS = 30_000;

export function addStatus(program: Command, register: Register): void {
  register(
    program
      .command('status')
      .description('show the state of queues, runs, alerts and tables; exit 1 if something is overdue'),
    statusSettings,
    OPTIONS,
    showStatus,
  );
}

/** @throws Error naming everything that is overdue or doesn't answer, after everything else was printed */
async function showStatus(settings: StatusSettings, { logger: loggerOf }: CommandContext): Promise<void> {
  const { queuesStatus } = await import('../../queue/depth.ts');
  const { createSqsClient } = await import('../../queue/sqs.ts');
  const logger = loggerOf('status');
  const teardown = new Teardown(logger);
  const client = createSqsClient(sqsOptions(settings));
  teardown.add('the queue client', async () => client.destroy());
  const pool = createPool({
    connectionString: settings.DATABASE_URL,
    applicationName: 'bec-alerts status',
    max: 1,
    statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS,
    onIdleError: (error) => logger.debug('connection of the status command lost; reconnecting', { error }),
  });
  teardown.add('the database', () => pool.end());
  try {
    // If the queue or the database doesn't answer, the state of the other one is still shown.
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
