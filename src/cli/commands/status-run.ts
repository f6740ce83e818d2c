import type { StatusSettings } from '../../config/env.ts';
import type { Pool } from '../../db/pool.ts';
import { databaseStatus } from '../../db/status.ts';
import { queuesStatus } from '../../queue/depth.ts';
import { createSqsClient } from '../../queue/sqs.ts';
import { messageOf } from '../../runtime/errors.ts';
import { queueNames, sqsOptions } from '../aws-settings.ts';
import type { CommandContext } from '../command.ts';
import { withDatabase } from '../database.ts';
import { databaseConnection } from '../database-settings.ts';
import type { Status } from './status-report.ts';
import { problemsOf, toJson, toTable } from './status-report.ts';

const STATEMENT_TIMEOUT_MILLISECONDS = 30_000;

/** @throws Error naming everything that is overdue or doesn't answer, after everything else was printed */
export async function showStatus(settings: StatusSettings, context: CommandContext): Promise<void> {
  const database = {
    connection: databaseConnection(settings),
    command: 'status',
    statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS,
  };
  await withDatabase(database, context, async (pool) => {
    const status = await statusOf(settings, pool);
    const problems = problemsOf(status, settings.WATCHER_SLEEP_DELAY);
    const text = settings.STATUS_JSON ? toJson(status, problems) : toTable(status, problems);
    process.stdout.write(`${text}\n`);
    if (problems.length > 0) throw new Error(problems.join('\n'));
  });
}

/** If the queue or the database doesn't answer, the state of the other one is still shown. */
async function statusOf(settings: StatusSettings, pool: Pool): Promise<Status> {
  const client = createSqsClient(sqsOptions(settings));
  try {
    const [queues, database] = await Promise.all([
      queuesStatus(client, queueNames(settings)).catch((error: unknown) => ({ error: messageOf(error) })),
      databaseStatus(pool).catch((error: unknown) => ({ error: messageOf(error) })),
    ]);
    return { queues, database };
  } finally {
    client.destroy();
  }
}
