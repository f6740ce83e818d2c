import { onTestFinished } from 'vitest';
import { poll } from '../../dev/poll.ts';
import type { Pool } from '../../src/db/pool.ts';

/** Takes locks in a transaction of its own, so that any transaction that needs them waits until `release`. */
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

/** Waits until a watcher's statement waits for a lock. @returns the backend's pid */
export async function watcherWaits(pool: Pool, statement: RegExp): Promise<number> {
  const ask = async () => {
    const { rows } = await pool.query<{ pid: number; query: string }>(
      `SELECT pid, query ${WATCHERS} AND wait_event_type = 'Lock'`,
    );
    return rows.find(({ query }) => statement.test(query))?.pid;
  };
  return await poll(`a watcher to wait in ${statement}`, ask);
}

/** Waits until Postgres has noticed that the process behind a backend is dead. @returns its clock then */
export async function backendGone(pool: Pool, pid: number): Promise<Date> {
  const ask = async () => {
    const { rows } = await pool.query<{ at: Date; alive: boolean }>(
      `SELECT clock_timestamp() AS at, EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1) AS alive`,
      [pid],
    );
    return rows[0]?.alive === false ? rows[0].at : undefined;
  };
  return await poll(`the end of backend ${pid}`, ask);
}

/** Waits until Postgres knows of no watcher any more. */
export async function noWatchers(pool: Pool): Promise<void> {
  const ask = async () => {
    const { rowCount } = await pool.query(`SELECT ${WATCHERS}`);
    return rowCount === 0 ? true : undefined;
  };
  await poll('all connections of watchers to end', ask);
}
