import type { StatusSettings } from '../../config/env.ts';
import { createPool } from '../../db/pool.ts';
import { databaseStatus } from '../../db/status.ts';
import { queuesStatus } from '../../queue/depth.ts';
import { createSqsClient } from '../../queue/sqs.ts';
import { messageOf } from '../../runtime/errors.ts';
import { Teardown } from '../../runtime/lifecycle.ts';
import { queueNames, sqsOptions } from '../aws-settings.ts';
import type { CommandContext } from '../command.ts';
import { databaseConnection } from '../database-settings.ts';
import { problemsOf, toJson, toTable } from './status-report.ts';

const STATEMENT_TIMEOUT_MILLISECONDS = 30_000;

/** @throws Error naming everything that is overdue or doesn't answer, after everything else was printed */
export async function showStatus(
  settings: StatusSettings,
  { logger: loggerOf }: CommandContext,
): Promise<void> {
  const logger = loggerOf('status');
  const teardown = new Teardown(logger);
  const client = createSqsClient(sqsOptions(settings));
  teardown.add('the queue client', async () => client.destroy());
  const pool = createPool({
    ...databaseConnection(settings),
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
