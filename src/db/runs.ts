import type { Db } from './pool.ts';

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

export interface OpenRun {
  readonly id: string;
  readonly ranAt: Date;
}

/** Longer than a trigger may take over a page without asking anything. */
const LONGEST_IDLE = '5min';

/**
 * Opens a run with the transaction's snapshot. Its time is that of the database's clock, which all watchers share. The
 * time is cut to milliseconds, because JavaScript writes it into other columns later. If the watcher is frozen,
 * Postgres ends the session and so frees the run's lock. @param at another time
 */
export async function openRun(db: Db, cluster: string | null, at?: Date): Promise<OpenRun> {
  const { rows } = await db.query<{ id: string; ran_at: Date }>({
    text: `INSERT INTO trigger_runs (ran_at, snapshot, changed_in, cluster, by_activity, by_trigger)
           VALUES (coalesce($2::timestamptz, date_trunc('milliseconds', now())), pg_current_snapshot(), pg_current_xact_id(), $1, true, true)
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

/** The result of a run. */
export interface RunResult {
  readonly issues: number;
  readonly alerts: number;
  /** The names of the triggers that have evaluated everything up to the run's snapshot. */
  readonly triggers: readonly string[];
  /** The names of those that were left out. Their progress stays, so that they miss nothing. */
  readonly leftOut: readonly string[];
}

/** Finishes the run, and with it stores the progress of its triggers. */
export async function finishRun(db: Db, id: string, result: RunResult): Promise<void> {
  await db.query({
    text: `WITH finished AS (
             UPDATE trigger_runs SET finished_at = clock_timestamp(), issue_count = $2, alert_count = $3 WHERE id = $1
             RETURNING id, ran_at, snapshot, cluster
           ), left_out AS (
             UPDATE trigger_progress AS progress SET
               left_out_since = coalesce(left_out_since, finished.ran_at), changed_in = pg_current_xact_id()
             FROM finished WHERE trigger = ANY($5::text[])
           )
           INSERT INTO trigger_progress AS known (trigger, run_id, ran_at, snapshot, cluster)
           SELECT name, finished.* FROM finished, unnest($4::text[]) AS name
           ON CONFLICT (trigger) DO UPDATE SET
             run_id = excluded.run_id, ran_at = excluded.ran_at, snapshot = excluded.snapshot,
             cluster = excluded.cluster, changed_in = excluded.changed_in, left_out_since = NULL`,
    values: [id, result.issues, result.alerts, result.triggers, result.leftOut],
  });
}
