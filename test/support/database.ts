import pg from 'pg';
import { inject } from 'vitest';
import { uniqueDatabaseName } from '../../dev/postgres/local-postgres.ts';
import type { Pool } from '../../src/db/pool.ts';
import { createPool } from '../../src/db/pool.ts';
import { TABLES } from '../../src/db/status.ts';
import { afterFile } from './after-file.ts';

export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  readonly pool: Pool;
}

/** A migrated database of the test file's own, dropped after its last test. */
export async function createDatabase(options: { migrated?: boolean } = {}): Promise<TestDatabase> {
  const name = uniqueDatabaseName('bec_alerts_test');
  const template = options.migrated === false ? 'template0' : inject('template');
  await asAdmin(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  const parsed = new URL(inject('adminUrl'));
  parsed.pathname = `/${name}`;
  const pool = createPool({
    connectionString: parsed.href,
    applicationName: 'bec-alerts test',
    max: 8,
    statementTimeoutMilliseconds: 30_000,
    onIdleError: () => undefined,
  });
  afterFile(async () => {
    await pool.end();
    await asAdmin(`DROP DATABASE ${name} WITH (FORCE)`);
  });
  return { name, url: parsed.href, pool };
}

const WITH_IDS = ['issues', 'recipients', 'trigger_runs', 'alerts', 'silences', 'canaries'] as const;

/**
 * TRUNCATE writes new files for each table and index, which takes Postgres 30 ms of CPU. Deleting a few rows takes less
 * than one. From this size of all tables on, TRUNCATE is quicker.
 */
const LARGE_BYTES = 2 ** 20;

const EMPTY_TABLES = `DO $$ BEGIN
  -- Waits, as TRUNCATE does, for what a killed process has sent.
  LOCK TABLE ${TABLES.join(', ')} IN ACCESS EXCLUSIVE MODE;
  IF (SELECT sum(pg_table_size(name::regclass)) FROM unnest('{${TABLES.join(',')}}'::text[]) AS name) > ${LARGE_BYTES} THEN
    TRUNCATE ${TABLES.join(', ')} RESTART IDENTITY;
  ELSE
    ${TABLES.map((table) => `DELETE FROM ${table};`)
      .reverse()
      .join(' ')}
    ${WITH_IDS.map((table) => `PERFORM setval('${table}_id_seq', 1, false);`).join(' ')}
  END IF;
END $$`;

/** Empties each of our tables and starts their ids at 1, for a test that starts from nothing. */
export async function emptyTables(pool: Pool): Promise<void> {
  await pool.query(EMPTY_TABLES);
}

async function asAdmin(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('adminUrl') });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
