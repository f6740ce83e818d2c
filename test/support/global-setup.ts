import type { TestProject } from 'vitest/node';
import { startPostgres, uniqueDatabaseName } from '../../dev/postgres/local-postgres.ts';
import { migrate } from '../../src/db/migrate.ts';
import { createLogger } from '../../src/runtime/logger.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of the Postgres server that all test files share. */
    adminUrl: string;
    /** A migrated database that each test file's own is copied from. */
    template: string;
  }
}

/** Brings up Postgres once for all test files, with a migrated database as template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const postgres = await startPostgres({ databaseUrl: process.env.DATABASE_URL, say });
  try {
    const template = uniqueDatabaseName('bec_alerts_template');
    const logger = createLogger({ format: 'compose', level: 'WARNING', name: 'test' });
    await migrate(await postgres.createDatabase(template), 0, logger);
    project.provide('adminUrl', postgres.adminUrl);
    project.provide('template', template);
    return async () => {
      await postgres.dropDatabase(template);
      await postgres.close();
    };
  } catch (error) {
    await postgres.close();
    throw error;
  }
}
