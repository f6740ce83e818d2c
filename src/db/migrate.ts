import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { asError, CodedError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/logger.ts';
import { databaseError } from './errors.ts';

const DIRECTORY = fileURLToPath(new URL('../../migrations', import.meta.url));
const LEAST_VERSION = 130_000;

/**
 * Brings the schema up to date, or undoes the last `down` migrations. Two at once: the second waits, then finds
 * nothing to do.
 * @returns the names of the migrations applied, in order
 */
export async function migrate(databaseUrl: string, down: number, logger: Logger): Promise<readonly string[]> {
  const client = clientOf(databaseUrl);
  // The statement that waits fails with it too; without a listener it would end the process before that is told.
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
    return applied.map(({ name }) => name);
  } catch (error) {
    throw databaseError('migrating the database', error);
  } finally {
    await client
      .end()
      .catch((error: unknown) => logger.debug('closing the connection failed', { error: asError(error) }));
  }
}

function clientOf(connectionString: string): pg.Client {
  try {
    return new pg.Client({ connectionString, application_name: 'bec-alerts migrate' });
  } catch (error) {
    // Such as sslrootcert, which pg reads here already.
    throw databaseError('reading the files that DATABASE_URL names', error);
  }
}

/** Postgres 13 brought xid8 and pg_snapshot; the sets need the extension hll. */
async function checkServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: number; shown: string; hll: boolean }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS shown,
            EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hll') AS hll`,
  );
  const [server] = rows;
  if (server === undefined) throw new Error('the server did not tell its version');
  if (server.version < LEAST_VERSION) {
    throw unfit(`this is Postgres ${server.shown}, and bec-alerts needs 13 or newer`);
  }
  if (!server.hll) {
    throw unfit(
      `this Postgres ${server.shown} has no hll extension to enable: install postgresql-hll on the server ` +
        `(Debian: postgresql-${Math.floor(server.version / 10_000)}-hll; RDS has it)`,
    );
  }
}

function unfit(message: string): CodedError {
  return new CodedError('database_failed', message, { retryable: false });
}
