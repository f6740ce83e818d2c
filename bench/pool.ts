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
