import type { Db } from './pool.ts';

/** The last run that finished: what it saw is judged. */
export interface FinishedRun {
  readonly id: string;
  readonly ranAt: Date;
  readonly snapshot: string;
  /** The snapshot lies ahead of this cluster's transactions: the database was restored into another cluster. */
  readonly fromTheFuture: boolean;
}

export async function lastFinishedRun(db: Db): Promise<FinishedRun | null> {
  const { rows } = await db.query<{ id: string; ran_at: Date; snapshot: string; from_the_future: boolean }>({
    text: `SELECT id, ran_at, snapshot::text,
                  pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot()) AS from_the_future
           FROM trigger_runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1`,
  });
  const [row] = rows;
  if (row === undefined) return null;
  return { id: row.id, ranAt: row.ran_at, snapshot: row.snapshot, fromTheFuture: row.from_the_future };
}

export interface OpenRun {
  readonly id: string;
  readonly ranAt: Date;
}

/**
 * Opens a run by the database's clock, which all watchers share, with the transaction's own snapshot. To the
 * millisecond, as it comes back from here into other columns.
 */
export async function openRun(db: Db): Promise<OpenRun> {
  const { rows } = await db.query<{ id: string; ran_at: Date }>({
    text: `INSERT INTO trigger_runs (ran_at, snapshot)
           VALUES (date_trunc('milliseconds', now()), pg_current_snapshot()) RETURNING id, ran_at`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('INSERT INTO trigger_runs returned no row');
  return { id: row.id, ranAt: row.ran_at };
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

/** Milliseconds until a run is due, by the database's clock: 0 or less if it is, or if there was none. */
export async function millisecondsUntilDue(db: Db, delaySeconds: number): Promise<number> {
  const { rows } = await db.query<{ due_in: number }>({
    text: `SELECT extract(epoch FROM max(ran_at) - clock_timestamp())::float8 * 1000 + $1::float8 * 1000 AS due_in
           FROM trigger_runs WHERE finished_at IS NOT NULL`,
    values: [delaySeconds],
  });
  // A clock that went backwards must not put the next run off for longer than one interval.
  return Math.min(rows[0]?.due_in ?? 0, delaySeconds * 1_000);
}

/**
 * After a restore, `changed_in` values of the old cluster lie ahead of this one's transactions and would look
 * changed in every run. 3 is before any transaction: seen by every snapshot.
 * @returns how many rows were restamped
 */
export async function restampChanges(db: Db): Promise<number> {
  const { rowCount } = await db.query({
    text: `UPDATE issues SET changed_in = '3' WHERE changed_in >= pg_snapshot_xmax(pg_current_snapshot())`,
  });
  return rowCount ?? 0;
}
