import pg from 'pg';
import type { Db } from '../../src/db/pool.ts';
import { prune } from '../../src/db/prune.ts';
import { benchPool } from '../pool.ts';

export const RETENTION_DAYS = 90;

/** The statements that matter here, each with its rows and its time. */
export interface Pruned {
  hours: Work;
  /** Days, each with its samples of tags. */
  days: Work;
}

interface Work {
  readonly rows: number;
  readonly milliseconds: number;
}

/** Deletes old rows by the watcher's own function, until this number of hours is deleted. */
export async function pruneMeasured(
  databaseUrl: string,
  hours: number,
  signal = new AbortController().signal,
): Promise<Pruned> {
  const pool = benchPool(databaseUrl);
  const enough = new AbortController();
  const nothing = { rows: 0, milliseconds: 0 };
  const pruned: Pruned = { hours: nothing, days: nothing };
  const measured: Db = {
    async query<R extends pg.QueryResultRow>(statement: pg.QueryConfig) {
      const began = performance.now();
      const result = await pool.query<R>(statement);
      const kind = kindOf(statement.text);
      if (kind !== undefined) {
        const { rows, milliseconds } = pruned[kind];
        const took = performance.now() - began;
        pruned[kind] = { rows: rows + (result.rowCount ?? 0), milliseconds: milliseconds + took };
      }
      if (pruned.hours.rows >= hours) enough.abort();
      return result;
    },
  };
  try {
    await prune(measured, RETENTION_DAYS, AbortSignal.any([signal, enough.signal]));
    return pruned;
  } finally {
    await pool.end();
  }
}

function kindOf(text: string): keyof Pruned | undefined {
  if (text.includes('DELETE FROM issue_hours')) return 'hours';
  return text.includes('DELETE FROM issue_buckets') ? 'days' : undefined;
}

export interface Vacuumed {
  readonly table: string;
  readonly rows: number;
  readonly dead: number;
  readonly seconds: number;
}

/** Vacuums a table as slowly as autovacuum does with Postgres's default settings. */
export async function vacuumMeasured(databaseUrl: string, table: string): Promise<Vacuumed> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    // The backends report their dead rows within a second.
    await client.query(`SET vacuum_cost_delay = '2ms'; SELECT pg_sleep(1.2)`);
    const { rows } = await client.query<{ rows: number; dead: number }>(
      'SELECT n_live_tup::float8 AS rows, n_dead_tup::float8 AS dead FROM pg_stat_user_tables WHERE relname = $1',
      [table],
    );
    const began = performance.now();
    await client.query(`VACUUM ${table}`);
    const seconds = (performance.now() - began) / 1_000;
    return { table, rows: rows[0]?.rows ?? 0, dead: rows[0]?.dead ?? 0, seconds };
  } finally {
    await client.end();
  }
}
