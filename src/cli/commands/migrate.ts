import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { migrateSettings } from '../../config/env.ts';
import { plural } from '../../domain/text.ts';
import type { Register } from '../command.ts';
import { databaseConnection } from '../database-settings.ts';

/** Adds `migrate`, and `manage migrate`, which is its name in the Python service. */
export function addMigrate(program: Command, register: Register): void {
  const manage = program
    .command('manage', { hidden: true })
    .description('old name of migrate: manage migrate');
  for (const parent of [program, manage]) {
    const command = parent
      .command('migrate')
      .description(
        'update the database schema to this version; safe to repeat, and to run from two places at once',
      )
      .option(
        '--down <count>',
        'undo the last COUNT migrations instead, and delete their tables and data',
        parseCount,
      );
    register(command, migrateSettings, [], async (settings, { logger: loggerOf }) => {
      const { migrate } = await import('../../db/migrate.ts');
      const { shownUrl } = await import('../../db/pool.ts');
      const logger = loggerOf('migrate');
      const { down = 0 } = command.opts<{ down?: number }>();
      const names = await migrate(databaseConnection(settings), down, logger);
      for (const name of names) logger.info(`${down === 0 ? 'applied' : 'undid'} migration ${name}`);
      const result =
        down > 0
          ? `undid ${plural(names.length, 'migration')}`
          : names.length === 0
            ? 'nothing to do: the database schema is up to date'
            : 'the database schema is up to date now';
      logger.info(result, { database: shownUrl(settings.DATABASE_URL) });
    });
  }
}

function parseCount(value: string): number {
  if (!/^[1-9]\d{0,3}$/.test(value))
    throw new InvalidArgumentError('It must be a whole number from 1 to 9999.');
  return Number(value);
}
