import { onTestFinished } from 'vitest';
import { poll } from '../../dev/poll.ts';
import type { Pool } from '../../src/db/pool.ts';

/** Takes locks in a transaction of its own, so that whoever needs them waits until `release`. */
export async function hold(pool: Pool, statement: string): Promise<{ release(): Promise<void> }> {
  const client = await pool.connect();
  let held = true;
  const release = async () => {
    if (!held) return;
    held = false;
    await client.query('ROLLBACK');
    client.release();
  };
  onTestFinished(release);
  await client.query('BEGIN');
  await client.query(statement);
  return { release };
}

const WATCHERS = `FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bec-alerts watcher'`;

/** Waits until a watcher's statement waits for a lock. */
export async function watcherWaits(pool: Pool, statement: RegExp): Promise<void> {
  const ask = async () => {
    const { rows } = await pool.query<{ query: string }>(
      `SELECT query ${WATCHERS} AND wait_event_type = 'Lock'`,
    );
    return rows.some(({ query }) => statement.test(query)) ? true : undefined;
  };
  await poll(`a watcher to wait in ${statement}`, ask, { seconds: 20 });
}

/** Waits until Postgres has noticed that so many connections of watchers are left. @returns its clock then */
export async function watcherConnections(pool: Pool, atMost: number): Promise<Date> {
  const ask = async () => {
    const { rows } = await pool.query<{ count: number; at: Date }>(
      `SELECT count(*)::int, clock_timestamp() AS at ${WATCHERS}`,
    );
    const [row] = rows;
    return row !== undefined && row.count <= atMost ? row.at : undefined;
  };
  return await poll(`${atMost} connections of watchers at most`, ask, { seconds: 20 });
}
