import { writeFile } from 'node:fs/promises';
import { migrate } from '../../src/db/migrate.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { startPostgres, uniqueDatabaseName } from '../postgres/local-postgres.ts';
import { dumpSchema } from './dump.ts';

// `npm run schema`: writes docs/schema.sql as a fresh database has it after all migrations.
const file = new URL('../../docs/schema.sql', import.meta.url);
const say = (line: string) => console.log(line);
const logger = createLogger({ format: 'compose', level: 'WARNING', name: 'schema' });
const postgres = await startPostgres({ databaseUrl: process.env.DATABASE_URL, say });
try {
  const database = uniqueDatabaseName('bec_alerts_schema');
  const url = await postgres.createDatabase(database);
  try {
    await migrate({ connectionString: url }, 0, logger);
    await writeFile(file, await dumpSchema(url, postgres.binDir));
    say('wrote docs/schema.sql');
  } finally {
    await postgres.dropDatabase(database);
  }
} finally {
  await postgres.close();
}
