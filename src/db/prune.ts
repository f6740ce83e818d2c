import { orDatabaseError } from './errors.ts';
import type { Db } from './pool.ts';

/** Rows that one statement deletes: few enough that it holds no lock for long. */
const BATCH = 1_000;

/** Each statement deletes rows of one table that are older than `$1` days. */
const STATEMENTS = [
  // It also deletes the day's sample of tags, which has no index by date.
  `WITH old AS (
     DELETE FROM issue_buckets WHERE (issue_id, date) IN (
       SELECT issue_id, date FROM issue_buckets WHERE date < (now() - $1 * interval '1 day')::date
       ORDER BY date LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
     RETURNING issue_id, date
   ), samples AS (
     DELETE FROM issue_tags USING old WHERE issue_tags.issue_id = old.issue_id AND issue_tags.date = old.date
   )
   SELECT FROM old`,
  `DELETE FROM alerts WHERE id IN (
     SELECT id FROM alerts WHERE status <> 'pending' AND created_at < now() - $1 * interval '1 day'
     LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
  // An unsettled one is kept, because a run must still evaluate its issue.
  `DELETE FROM silences WHERE id IN (
     SELECT id FROM silences WHERE reevaluated_at < now() - $1 * interval '1 day'
     LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
  // Of triggers that nobody has run for so long. If such a trigger comes back, it is new to the database.
  `DELETE FROM trigger_progress WHERE trigger IN (
     SELECT trigger FROM trigger_progress WHERE ran_at < now() - $1 * interval '1 day'
     LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
] as const;

/**
 * An uncounted canary is kept for as long as SQS may keep its message. The newest of each issue is kept, because no
 * trigger may evaluate the issue.
 */
const CANARIES = `
  DELETE FROM canaries WHERE id IN (
    SELECT id FROM canaries AS old WHERE due_at < now() - interval '15 days'
      AND (issue_id IS NULL OR EXISTS (SELECT FROM canaries AS newer WHERE newer.issue_id = old.issue_id AND newer.id > old.id))
    LIMIT ${BATCH})`;

/** Hours are kept for the longest window that a trigger may ask for: the current hour and the 191 hours before it. */
export const HOURS_KEPT = "interval '8 days'";

const HOURS = `
  DELETE FROM issue_hours WHERE (issue_id, hour) IN (
    SELECT issue_id, hour FROM issue_hours WHERE hour < now() - ${HOURS_KEPT}
    ORDER BY hour LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`;

/** The last finished run is kept, because `status` shows it, and because the next run of an older version needs it. */
const RUNS = `
  DELETE FROM trigger_runs WHERE id IN (
    SELECT id FROM trigger_runs AS run
    WHERE ran_at < now() - interval '7 days'
      AND id <> (SELECT max(id) FROM trigger_runs WHERE finished_at IS NOT NULL)
      AND NOT EXISTS (SELECT FROM alerts WHERE run_id = run.id)
    LIMIT ${BATCH})`;

/**
 * Failed evaluations are kept for seven days after the last attempt, so that their error can be seen. Those of a
 * trigger that nobody runs any more go in the same way. The next change leads to a new evaluation in any case.
 */
const FAILURES = `
  DELETE FROM failed_evaluations WHERE (trigger, issue_id) IN (
    SELECT trigger, issue_id FROM failed_evaluations WHERE last_attempt_at < now() - interval '7 days'
    LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`;

/**
 * Deletes buckets, settled alerts, settled silences and progress that are older than the retention, and runs and failed
 * evaluations that are older than seven days.
 * @returns the number of deleted rows
 */
export async function prune(db: Db, retentionDays: number, signal: AbortSignal): Promise<number> {
  let deleted = 0;
  for (const [text, values] of [
    ...STATEMENTS.map((one) => [one, [retentionDays]] as const),
    [HOURS, []] as const,
    [RUNS, []] as const,
    [FAILURES, []] as const,
    [CANARIES, []] as const,
  ]) {
    let count = BATCH;
    while (count === BATCH && !signal.aborted) {
      const batch = db.query({ text, values: [...values] });
      count = (await orDatabaseError('deleting old rows', batch)).rowCount ?? 0;
      deleted += count;
    }
  }
  return deleted;
}
