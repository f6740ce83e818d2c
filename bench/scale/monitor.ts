import pg from 'pg';
import { machineCpu, parentOf, treeCpu } from '../../dev/process-tree.ts';
import type { Counters } from '../drain.ts';

/** Watches one database and its server from a connection of its own. */
export interface Monitor {
  /** CPU of Postgres and of the machine in ms, bytes of WAL, 8 kB pages that went to the disk. */
  counters(): Promise<Counters>;
  /** Connections to the database, without this one. */
  connections(): Promise<number>;
  /** Begins to look what the active connections wait for. @returns ends it, and returns the share of each wait */
  watchWaits(): () => Promise<Waits>;
  close(): Promise<void>;
}

/** Shares of the samples of active connections, the largest first. `CPU` means that it waits for nothing. */
export type Waits = readonly (readonly [wait: string, share: number])[];

const SAMPLE_MILLISECONDS = 50;

const COUNTERS = `
  SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal,
         (buffers_checkpoint + buffers_clean + buffers_backend)::float8 AS pages FROM pg_stat_bgwriter`;
const OTHERS = `datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`;
const WAITS = `
  SELECT coalesce(wait_event_type || ': ' || wait_event, 'CPU') AS wait, count(*)::int AS count
  FROM pg_stat_activity WHERE ${OTHERS} AND state = 'active' GROUP BY 1`;

export async function openMonitor(databaseUrl: string): Promise<Monitor> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  const first = async <Row extends pg.QueryResultRow>(sql: string): Promise<Row> => {
    const [row] = (await client.query<Row>(sql)).rows;
    if (row === undefined) throw new Error('the monitor got no row');
    return row;
  };
  const { pid } = await first<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const server = parentOf(pid);
  return {
    async counters() {
      const { wal, pages } = await first<{ wal: number; pages: number }>(COUNTERS);
      return { postgresMs: treeCpu(server), machineMs: machineCpu(), wal, pages, at: performance.now() };
    },
    async connections() {
      return (await first<{ count: number }>(`SELECT count(*)::int FROM pg_stat_activity WHERE ${OTHERS}`))
        .count;
    },
    watchWaits() {
      const ended = new AbortController();
      const counted = sampleWaits(client, ended.signal);
      return async () => {
        ended.abort();
        return await counted;
      };
    },
    close: async () => await client.end(),
  };
}

async function sampleWaits(client: pg.Client, signal: AbortSignal): Promise<Waits> {
  const counts = new Map<string, number>();
  let total = 0;
  while (!signal.aborted) {
    const { rows } = await client.query<{ wait: string; count: number }>(WAITS);
    for (const { wait, count } of rows) {
      counts.set(wait, (counts.get(wait) ?? 0) + count);
      total += count;
    }
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MILLISECONDS));
  }
  return [...counts].map(([wait, count]) => [wait, count / total] as const).sort(([, a], [, b]) => b - a);
}

/** The largest shares, for a table. */
export function shownWaits(waits: Waits): string {
  const shown = waits.slice(0, 3).map(([wait, share]) => `${wait} ${Math.round(share * 100)} %`);
  return shown.length === 0 ? 'no statement was seen' : shown.join(', ');
}
