import { fileURLToPath } from 'node:url';
import { PG_MIGRATE_LOCK_ID, runner } from 'node-pg-migrate';
import type pg from 'pg';
import { asError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/logger.ts';
import { cleanTexts } from './clean-texts.ts';
import type { DatabaseConnection } from './client.ts';
import { clientClass } from './client.ts';
import { databaseError } from './errors.ts';
import { checkServer, ensureExtension } from './readiness.ts';
import { claimSession, transactionSettings } from './session.ts';

const DIRECTORY = fileURLToPath(new URL('../../migrations', import.meta.url));
/** Building an index takes as long as it takes. */
const WITHOUT_LIMIT = { statement: 0, lock: 0 };
const PROGRESS_MILLISECONDS = 5_000;

/**
 * Updates the schema, or undoes the last `down` migrations. If two processes do so at the same time, the second one
 * waits and then has nothing to do.
 * @returns the names of the migrations applied or undone, in order
 */
export async function migrate(
  connection: DatabaseConnection,
  down: number,
  logger: Logger,
): Promise<readonly string[]> {
  const client = clientOf(connection);
  const holder = clientOf(connection);
  try {
    await client.connect();
    await claimSession(client, WITHOUT_LIMIT);
    if (down === 0) await checkServer(client);
    await holder.connect();
    await holdLock(holder);
    if (down === 0) await ensureExtension(client);
    const applied = await runner({
      dbClient: client,
      dir: DIRECTORY,
      migrationsTable: 'pgmigrations',
      direction: down === 0 ? 'up' : 'down',
      ...(down === 0 ? {} : { count: down }),
      noLock: true,
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
    // The end of the holder's connection frees the lock.
    for (const one of [client, holder]) {
      await one
        .end()
        .catch((error: unknown) => logger.debug('closing the connection failed', { error: asError(error) }));
    }
  }
}

/**
 * Waits until nobody else migrates. The lock is the one that older versions take. Its transaction does nothing else:
 * behind a pooler a lock of a session would stay with a server connection that others use.
 */
async function holdLock(holder: pg.Client): Promise<void> {
  await holder.query(`BEGIN ISOLATION LEVEL READ COMMITTED; ${transactionSettings(WITHOUT_LIMIT)}`);
  await holder.query(`SELECT pg_advisory_xact_lock(${PG_MIGRATE_LOCK_ID})`);
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

function clientOf(connection: DatabaseConnection): pg.Client {
  const { connectionString } = connection;
  try {
    const Client = clientClass(connection);
    const client = new Client({ connectionString, application_name: 'bec-alerts migrate' });
    // The statement that is waiting fails with the same error. Without this listener the error would end the process
    // before that failure is reported.
    client.on('error', () => {});
    return client;
  } catch (error) {
    // The constructor already reads files such as sslrootcert.
    throw databaseError('reading the files that DATABASE_URL names', error);
  }
}
