import pg from 'pg';
import { inject } from 'vitest';
import { uniqueDatabaseName } from '../../dev/postgres/local-postgres.ts';
import type { Pool } from '../../src/db/pool.ts';
import { createPool } from '../../src/db/pool.ts';
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

/** Empties each of our tables, for a test that starts from nothing. */
export async function emptyTables(pool: Pool): Promise<void> {
  await pool.query(
    `TRUNCATE issues, issue_buckets, issue_tags, recipients, recipient_issues, trigger_runs, trigger_progress, alerts, failed_evaluations
     RESTART IDENTITY CASCADE`,
  );
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
