import type { Db } from './pool.ts';

/**
 * After a restore `issues.changed_in` holds numbers of another cluster's transactions. An event stored here
 * makes its issue's row anew in the transaction that `changed_in` names; a row where the two differ is foreign.
 */
export const NATIVE = 'xmin = changed_in::xid';

/** Before any transaction: every snapshot sees it. */
const LONG_AGO = '3';
const BATCH = 2_000;

/**
 * Gives foreign issues a `changed_in` of this cluster: long ago where the snapshot had seen the change, now where it
 * had not and the change is still to be judged. Each batch commits on its own; interrupted, it goes on where it was.
 * @returns how many rows were restamped
 */
export async function restampChanges(db: Db, snapshot: string): Promise<number> {
  // Rows that are being written are left to their writers, who make them native: neither waits for the other.
  const restamped = await restampAll(db, snapshot, `LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`);
  // What is still foreign was locked by a writer that rolled back. Locked in the writers' order: no deadlock.
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
