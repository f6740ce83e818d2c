import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { migrateSettings } from '../../config/env.ts';
import { shownUrl } from '../../db/pool.ts';
import type { Register } from '../command.ts';

/** `migrate`, and `manage migrate` as the Python service spelled it. */
export function addMigrate(program: Command, register: Register): void {
  const manage = program.command('manage', { hidden: true }).description('old spelling: manage migrate');
  for (const parent of [program, manage]) {
    const command = parent
      .command('migrate')
      .description("bring the database's schema up to date; safe to run twice, and at once")
      .option('--down <count>', 'undo the last COUNT migrations: their tables and data are gone', parseCount);
    register(command, migrateSettings, [], async ({ DATABASE_URL }, { logger: loggerOf }) => {
      const { migrate } = await import('../../db/migrate.ts');
      const logger = loggerOf('migrate');
      const { down = 0 } = command.opts<{ down?: number }>();
      const names = await migrate(DATABASE_URL, down, logger);
      for (const name of names) logger.info(`${down === 0 ? 'applied' : 'undid'} ${name}`);
      logger.info(names.length === 0 ? 'nothing to do: the schema is as asked' : 'done', {
        database: shownUrl(DATABASE_URL),
      });
    });
  }
}

function parseCount(value: string): number {
  if (!/^[1-9]\d{0,3}$/.test(value)) throw new InvalidArgumentError('must be a whole number from 1');
  return Number(value);
}
