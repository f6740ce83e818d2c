import pg from 'pg';
import type { Pool } from '../src/db/pool.ts';
import { createPool } from '../src/db/pool.ts';

/** One connection to a benchmark's database. */
export function benchPool(connectionString: string): Pool {
  return createPool({
    connectionString,
    applicationName: 'bec-alerts bench',
    max: 1,
    statementTimeoutMilliseconds: 120_000,
    onIdleError: (error) => console.error(error),
  });
}

/** Opens a transaction that holds a snapshot, as a `pg_dump` does, until the client is ended. */
export async function holdSnapshot(connectionString: string): Promise<pg.Client> {
  const holder = new pg.Client({ connectionString });
  await holder.connect();
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM issues');
  return holder;
}
