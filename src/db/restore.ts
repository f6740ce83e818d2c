import type { Db } from './pool.ts';

/**
 * True for a row that was last written in this cluster. After a restore `issue_activity.changed_in` has transaction
 * numbers of another cluster. When an event is stored here, its issue's row is written by the transaction that `changed_in` names.
 * So a row in which `xmin` and `changed_in` differ comes from the other cluster.
 */
export const NATIVE = 'issue_activity.xmin = issue_activity.changed_in::xid';

/** A transaction number before any real one. Every snapshot sees it. */
const LONG_AGO = '3';
const BATCH = 2_000;
const FOREIGN = `issue_activity.changed_in <> '${LONG_AGO}' AND NOT (${NATIVE})`;

/**
 * Gives issues from another cluster a `changed_in` of this cluster. If the snapshot had seen the change, the new value
 * is long ago. If it had not, the change must still be evaluated, and the new value is now. Each batch commits on its
 * own, so after an interruption the next call continues.
 * @returns the number of restamped rows
 */
export async function restampChanges(db: Db, snapshot: string): Promise<number> {
  // Rows that are being written are skipped: their writers make them native, and neither waits for the other.
  const restamped = await restampAll(
    db,
    snapshot,
    `SELECT issue_id FROM issue_activity WHERE ${FOREIGN} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`,
  );
  // Rows that still aren't native were locked by a writer that rolled back. They are locked in the order in which
  // writers lock them, so that no deadlock is possible.
  const rest = await restampAll(
    db,
    snapshot,
    `SELECT issue_id FROM issue_activity JOIN issues ON issues.id = issue_id WHERE ${FOREIGN}
     ORDER BY group_id COLLATE "C" LIMIT ${BATCH} FOR UPDATE OF issue_activity`,
  );
  return restamped + rest;
}

async function restampAll(db: Db, snapshot: string, batch: string): Promise<number> {
  let restamped = 0;
  while (true) {
    const { rowCount } = await db.query({
      text: `UPDATE issue_activity SET changed_in =
               CASE WHEN pg_visible_in_snapshot(changed_in, $1::pg_snapshot) THEN '${LONG_AGO}'::xid8
                    ELSE pg_current_xact_id() END
             WHERE issue_id IN (${batch})`,
      values: [snapshot],
    });
    restamped += rowCount ?? 0;
    if (rowCount === 0) return restamped;
  }
}
