import type { Db } from './pool.ts';

/** Rows deleted by one statement: few enough that no lock is held for long. */
const BATCH = 1_000;

/** Each statement deletes old rows of one table, `$1` days back; the last finished run is kept for its snapshot. */
const STATEMENTS = [
  `DELETE FROM issue_buckets WHERE (issue_id, date) IN (
     SELECT issue_id, date FROM issue_buckets WHERE date < (now() - $1 * interval '1 day')::date
     ORDER BY date LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
  `DELETE FROM alerts WHERE id IN (
     SELECT id FROM alerts WHERE status <> 'pending' AND created_at < now() - $1 * interval '1 day'
     LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
] as const;

const RUNS = `
  DELETE FROM trigger_runs WHERE id IN (
    SELECT id FROM trigger_runs AS run
    WHERE ran_at < now() - interval '7 days'
      AND id <> (SELECT max(id) FROM trigger_runs WHERE finished_at IS NOT NULL)
      AND NOT EXISTS (SELECT FROM alerts WHERE run_id = run.id)
    LIMIT ${BATCH})`;

/** Deletes buckets and settled alerts older than the retention, and runs after seven days. @returns rows deleted */
export async function prune(db: Db, retentionDays: number, signal: AbortSignal): Promise<number> {
  let deleted = 0;
  for (const [text, values] of [
    ...STATEMENTS.map((one) => [one, [retentionDays]] as const),
    [RUNS, []] as const,
  ]) {
    let count = BATCH;
    while (count === BATCH && !signal.aborted) {
      count = (await db.query({ text, values: [...values] })).rowCount ?? 0;
      deleted += count;
    }
  }
  return deleted;
}
