import type { DatabaseConnection } from '../db/client.ts';
import type { Pool } from '../db/pool.ts';
import { createPool } from '../db/pool.ts';
import { Teardown } from '../runtime/lifecycle.ts';
import type { CommandContext } from './command.ts';

export interface CommandDatabase {
  readonly connection: DatabaseConnection;
  /** The command's name, for the log and for Postgres' list of connections. */
  readonly command: string;
  readonly statementTimeoutMilliseconds: number;
}

/** Works with the database, for a command that ends. It closes the connection in any case. */
export async function withDatabase<T>(
  { connection, command, statementTimeoutMilliseconds }: CommandDatabase,
  { logger: loggerOf }: CommandContext,
  work: (pool: Pool) => Promise<T>,
): Promise<T> {
  const logger = loggerOf(command);
  const teardown = new Teardown(logger);
  const pool = createPool({
    ...connection,
    applicationName: `bec-alerts ${command}`,
    max: 1,
    statementTimeoutMilliseconds,
    onIdleError: (error) => logger.debug('the connection to the database was lost; reconnecting', { error }),
  });
  teardown.add('the database', () => pool.end());
  try {
    return await work(pool);
  } finally {
    await teardown.run();
  }
}
