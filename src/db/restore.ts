import type { Db } from './pool.ts';
import { RUN_BEFORE_PROGRESS, restored } from './progress.ts';

/**
 * True for a row that was last written in this cluster. After a restore `issue_activity.changed_in` has transaction
 * numbers of another cluster. When an event is stored here, its issue's row is written by the transaction that
 * `changed_in` names. So a row in which `xmin` and `changed_in` differ comes from the other cluster.
 */
export const NATIVE = 'issue_activity.xmin = issue_activity.changed_in::xid';

/** A transaction number before any real one. Every snapshot sees it. The next few have no real transaction either. */
const LONG_AGO = 3;
const BATCH = 2_000;

/** A snapshot of another cluster, up to which one or more triggers have evaluated. */
interface ForeignSnapshot {
  readonly runId: string;
  readonly snapshot: string;
}

/**
 * The snapshots of all triggers that belong to another cluster, the oldest first. None unless this is a restored dump.
 */
export async function foreignSnapshots(db: Db, cluster: string | null): Promise<ForeignSnapshot[]> {
  const { rows } = await db.query<ForeignSnapshot>({
    text: `SELECT run_id AS "runId", min(snapshot::text) AS snapshot FROM trigger_progress
           WHERE ${restored('$1')} GROUP BY run_id
           UNION SELECT id, snapshot::text FROM (${RUN_BEFORE_PROGRESS}) AS run WHERE ${restored('$1')}
           ORDER BY "runId"`,
    values: [cluster],
  });
  return rows;
}

/**
 * Gives issues and snapshots from another cluster numbers that mean the same here. The oldest snapshot becomes one that
 * sees every number below 4, the next one below 5, and so on. An issue's change that all snapshots had seen becomes 3,
 * one that only the oldest had not seen becomes 4, and so on. One that all snapshots missed becomes now. All of these
 * are below any number of this cluster, so no snapshot sees what is stored here. The issues change in batches that each
 * commit on their own, and the snapshots at the end. So after an interruption the next call continues.
 * @param snapshots as `foreignSnapshots` returns them
 * @returns the number of restamped issues
 */
export async function restampChanges(
  db: Db,
  snapshots: readonly ForeignSnapshot[],
  cluster: string | null,
): Promise<number> {
  if (snapshots.length === 0) return 0;
  const foreign = `issue_activity.changed_in > '${LONG_AGO + snapshots.length - 1}' AND NOT (${NATIVE})`;
  // Rows that are being written are skipped: their writers make them native, and neither waits for the other.
  const restamped = await restampAll(
    db,
    snapshots,
    `SELECT issue_id FROM issue_activity WHERE ${foreign} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`,
  );
  // Rows that still aren't native were locked by a writer that rolled back. They are locked in the order in which
  // writers lock them, so that no deadlock is possible.
  const rest = await restampAll(
    db,
    snapshots,
    `SELECT issue_id FROM issue_activity JOIN issues ON issues.id = issue_id WHERE ${foreign}
     ORDER BY group_id COLLATE "C" LIMIT ${BATCH} FOR UPDATE OF issue_activity`,
  );
  await replaceSnapshots(db, snapshots, cluster);
  return restamped + rest;
}

async function restampAll(db: Db, snapshots: readonly ForeignSnapshot[], batch: string): Promise<number> {
  let restamped = 0;
  while (true) {
    const { rowCount } = await db.query({
      text: `UPDATE issue_activity SET changed_in = (
               SELECT CASE WHEN count(*) = cardinality($1::pg_snapshot[]) THEN pg_current_xact_id()
                           ELSE (${LONG_AGO} + count(*))::text::xid8 END
               FROM unnest($1::pg_snapshot[]) AS seen WHERE NOT pg_visible_in_snapshot(changed_in, seen))
             WHERE issue_id IN (${batch})`,
      values: [snapshots.map(({ snapshot }) => snapshot)],
    });
    restamped += rowCount ?? 0;
    if (rowCount === 0) return restamped;
  }
}

/** One statement, because the new snapshots depend on how many there are. */
async function replaceSnapshots(
  db: Db,
  snapshots: readonly ForeignSnapshot[],
  cluster: string | null,
): Promise<void> {
  const native = snapshots.map((_, index) => LONG_AGO + 1 + index).map((number) => `${number}:${number}:`);
  await db.query({
    text: `WITH native AS (SELECT * FROM unnest($1::bigint[], $2::pg_snapshot[]) AS native (run, seen)), run AS (
             UPDATE trigger_runs SET snapshot = seen, cluster = $3, changed_in = pg_current_xact_id()
             FROM native WHERE id = run
           )
           UPDATE trigger_progress SET snapshot = seen, cluster = $3, changed_in = pg_current_xact_id()
           FROM native WHERE run_id = run`,
    values: [snapshots.map(({ runId }) => runId), native, cluster],
  });
}
