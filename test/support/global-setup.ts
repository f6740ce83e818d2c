import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { guard } from '../../dev/guard.ts';
import { startPostgres, uniqueDatabaseName } from '../../dev/postgres/local-postgres.ts';
import { migrate } from '../../src/db/migrate.ts';
import { asError } from '../../src/runtime/errors.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import './clean-environment.ts';
import type { Programs } from './programs.ts';
import { findPrograms } from './programs.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of the Postgres server that all test files share. */
    adminUrl: string;
    /** A migrated database that each test file's own is copied from. */
    template: string;
    programs: Programs;
    /** The folder where the processes that tests start keep their compiled code. */
    compileCache: string;
  }
}

/**
 * Brings up Postgres once for all test files, with a migrated database as template. Commands and workers share a cache
 * of compiled code: by default each processor makes one for its own workers.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const programs = await findPrograms(say);
  project.provide('programs', programs);
  const postgres = await startPostgres({ databaseUrl: process.env.DATABASE_URL, say }).catch(
    (thrown: unknown) => {
      const error = asError(thrown);
      // Everything that is missing is reported at once, so that nobody installs one thing and then reads of the next.
      throw programs.missing === null
        ? error
        : new Error(`${error.message}\n${programs.missing}`, { cause: error });
    },
  );
  if (programs.missing !== null) say(programs.missing);
  try {
    const template = uniqueDatabaseName('bec_alerts_template');
    const logger = createLogger({ format: 'compose', level: 'WARNING', name: 'test' });
    await migrate({ connectionString: await postgres.createDatabase(template) }, 0, logger);
    project.provide('adminUrl', postgres.adminUrl);
    project.provide('template', template);
    const compileCache = await mkdtemp(join(tmpdir(), 'bec-alerts-tests-compiled-'));
    // Removed when this process is gone: until then the last of the others may still write into it.
    guard('rm -rf "$1"', [compileCache]);
    project.provide('compileCache', compileCache);
    return async () => {
      await postgres.dropDatabase(template);
      await postgres.close();
    };
  } catch (error) {
    await postgres.close();
    throw error;
  }
}
