import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { asError, CodedError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/logger.ts';
import { cleanTexts } from './clean-texts.ts';
import { databaseError } from './errors.ts';

const DIRECTORY = fileURLToPath(new URL('../../migrations', import.meta.url));
const LEAST_VERSION = 130_000;
const PROGRESS_MILLISECONDS = 5_000;

/**
 * Updates the schema, or undoes the last `down` migrations. If two processes do so at the same time, the second one
 * waits and then has nothing to do.
 * @returns the names of the migrations applied or undone, in order
 */
export async function migrate(databaseUrl: string, down: number, logger: Logger): Promise<readonly string[]> {
  const client = clientOf(databaseUrl);
  // The statement that is waiting fails with the same error. Without this listener the error would end the process
  // before that failure is reported.
  client.on('error', () => {});
  try {
    await client.connect();
    if (down === 0) await checkServer(client);
    const applied = await runner({
      dbClient: client,
      dir: DIRECTORY,
      migrationsTable: 'pgmigrations',
      direction: down === 0 ? 'up' : 'down',
      ...(down === 0 ? {} : { count: down }),
      advisoryLockMode: 'wait',
      logger: {
        info: (line) => logger.debug(String(line)),
        warn: (line) => logger.warning(String(line)),
        error: (line) => logger.debug(String(line)),
      },
    });
    if (down === 0) await clean(client, logger);
    return applied.map(({ name }) => name);
  } catch (error) {
    throw databaseError('migrating the database', error);
  } finally {
    await client
      .end()
      .catch((error: unknown) => logger.debug('closing the connection failed', { error: asError(error) }));
  }
}

/** Texts that an older version stored hold user data. */
async function clean(client: pg.Client, logger: Logger): Promise<void> {
  let loggedAt = performance.now();
  const changed = await cleanTexts(client, (looked) => {
    if (performance.now() - loggedAt < PROGRESS_MILLISECONDS) return;
    loggedAt = performance.now();
    logger.info('removing user data from stored issues', { issues: looked });
  });
  if (changed > 0) logger.info('removed user data from stored issues', { changed });
}

function clientOf(connectionString: string): pg.Client {
  try {
    return new pg.Client({ connectionString, application_name: 'bec-alerts migrate' });
  } catch (error) {
    // The constructor already reads files such as sslrootcert.
    throw databaseError('reading the files that DATABASE_URL names', error);
  }
}

/** Postgres 13 introduced xid8 and pg_snapshot. The sets need the extension hll. */
async function checkServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: number; shown: string; hll: boolean }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS shown,
            EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hll') AS hll`,
  );
  const [server] = rows;
  if (server === undefined) throw new Error('the server did not report its version');
  if (server.version < LEAST_VERSION) {
    throw unfit(`this server is Postgres ${server.shown}, but bec-alerts needs 13 or newer`);
  }
  if (!server.hll) {
    throw unfit(
      `this server (Postgres ${server.shown}) has no hll extension: install postgresql-hll on it ` +
        `(Debian: postgresql-${Math.floor(server.version / 10_000)}-hll; RDS has it)`,
    );
  }
}

function unfit(message: string): CodedError {
  return new CodedError('database_failed', message, { retryable: false });
}
