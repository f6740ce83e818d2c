import type { Db } from './pool.ts';

/**
 * True for a row that was last written in this cluster. After a restore `issues.changed_in` has transaction numbers of
 * another cluster. When an event is stored here, its issue's row is written by the transaction that `changed_in` names.
 * So a row in which `xmin` and `changed_in` differ comes from the other cluster.
 */
export const NATIVE = 'xmin = changed_in::xid';

/** A transaction number before any real one. Every snapshot sees it. */
const LONG_AGO = '3';
const BATCH = 2_000;

/**
 * Gives issues from another cluster a `changed_in` of this cluster. If the snapshot had seen the change, the new value
 * is long ago. If it had not, the change must still be evaluated, and the new value is now. Each batch commits on its
 * own, so after an interruption the next call continues.
 * @returns the number of restamped rows
 */
export async function restampChanges(db: Db, snapshot: string): Promise<number> {
  // Rows that are being written are skipped: their writers make them native, and neither waits for the other.
  const restamped = await restampAll(db, snapshot, `LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`);
  // Rows that still aren't native were locked by a writer that rolled back. They are locked in the order in which
  // writers lock them, so that no deadlock is possible.
  return (
    restamped + (await restampAll(db, snapshot, `ORDER BY group_id COLLATE "C" LIMIT ${BATCH} FOR UPDATE`))
  );
}

async function restampAll(db: Db, snapshot: string, lock: string): Promise<number> {
  let restamped = 0;
  while (true) {
    const { rowCount } = await db.query({
      text: `UPDATE issues SET changed_in =
               CASE WHEN pg_visible_in_snapshot(changed_in, $1::pg_snapshot) THEN '${LONG_AGO}'::xid8
                    ELSE pg_current_xact_id() END
             WHERE id IN (SELECT id FROM issues WHERE changed_in <> '${LONG_AGO}' AND NOT (${NATIVE}) ${lock})`,
      values: [snapshot],
    });
    restamped += rowCount ?? 0;
    if (rowCount === 0) return restamped;
  }
}
