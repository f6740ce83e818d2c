import { orDatabaseError } from './errors.ts';
import type { Db } from './pool.ts';

/** The last finished run. The changes that its snapshot sees are evaluated. */
export interface FinishedRun {
  readonly id: string;
  readonly snapshot: string;
  /** The run happened in another cluster, whose transaction numbers mean nothing here: this is a restored dump. */
  readonly restored: boolean;
}

/**
 * The system identifier of the cluster; null if the role may not read it. These are two queries, because Postgres
 * checks the right to call a function even if a query would never call it.
 */
export async function clusterOf(db: Db): Promise<string | null> {
  const { rows } = await db.query<{ allowed: boolean }>({
    text: `SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AS allowed`,
  });
  if (rows[0]?.allowed !== true) return null;
  const answer = await db.query<{ system_identifier: string }>({
    text: 'SELECT system_identifier FROM pg_control_system()',
  });
  return answer.rows[0]?.system_identifier ?? null;
}

/**
 * A run counts as restored if it belongs to another cluster and its row was written again in this one. pg_upgrade
 * creates another cluster too, but keeps rows and transaction numbers: then `xmin` is still the run's own transaction.
 * If the cluster's identifier is unknown, a snapshot ahead of this cluster's transactions shows that the run was
 * restored.
 */
export async function lastFinishedRun(db: Db, cluster: string | null): Promise<FinishedRun | null> {
  const { rows } = await db.query<FinishedRun>({
    text: `SELECT id, snapshot::text,
                  pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot())
                    OR coalesce(cluster <> $1 AND xmin <> changed_in::xid, false) AS restored
           FROM trigger_runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1`,
    values: [cluster],
  });
  return rows[0] ?? null;
}

export interface OpenRun {
  readonly id: string;
  readonly ranAt: Date;
}

/** Longer than a trigger may take over a page without asking anything. */
const LONGEST_IDLE = '5min';

/**
 * Opens a run with the transaction's snapshot. Its time is that of the database's clock, which all watchers share. The
 * time is cut to milliseconds, because JavaScript writes it into other columns later. If the watcher is frozen, Postgres
 * ends the session and so frees the run's lock. @param at another time
 */
export async function openRun(db: Db, cluster: string | null, at?: Date): Promise<OpenRun> {
  const { rows } = await db.query<{ id: string; ran_at: Date }>({
    text: `INSERT INTO trigger_runs (ran_at, snapshot, changed_in, cluster, by_activity)
           VALUES (coalesce($2::timestamptz, date_trunc('milliseconds', now())), pg_current_snapshot(), pg_current_xact_id(), $1, true)
           RETURNING id, ran_at, set_config('idle_in_transaction_session_timeout', '${LONGEST_IDLE}', true)`,
    values: [cluster, at?.toISOString() ?? null],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('INSERT INTO trigger_runs returned no row');
  return { id: row.id, ranAt: row.ran_at };
}

/** The transaction's time by the database's clock, cut to milliseconds as a run's is. */
export async function transactionTime(db: Db): Promise<Date> {
  const { rows } = await db.query<{ now: Date }>({
    text: `SELECT date_trunc('milliseconds', now()) AS now`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('SELECT now() returned no row');
  return row.now;
}

export async function finishRun(
  db: Db,
  id: string,
  counts: { issues: number; alerts: number },
): Promise<void> {
  await db.query({
    text: `UPDATE trigger_runs SET finished_at = clock_timestamp(), issue_count = $2, alert_count = $3 WHERE id = $1`,
    values: [id, counts.issues, counts.alerts],
  });
}

/**
 * Milliseconds until a run is due, by the database's clock; 0 or less if it is due now, or if no run has finished yet.
 * @throws CodedError
 */
export async function millisecondsUntilDue(db: Db, delaySeconds: number): Promise<number> {
  const query = db.query<{ due_in: number }>({
    text: `SELECT extract(epoch FROM max(ran_at) - clock_timestamp())::float8 * 1000 + $1::float8 * 1000 AS due_in
           FROM trigger_runs WHERE finished_at IS NOT NULL`,
    values: [delaySeconds],
  });
  const { rows } = await orDatabaseError('asking when a run is due', query);
  // A clock that went backwards must not delay the next run for longer than one interval.
  return Math.min(rows[0]?.due_in ?? 0, delaySeconds * 1_000);
}
