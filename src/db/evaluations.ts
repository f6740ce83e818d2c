import type { Db } from './pool.ts';

/** How often a failing evaluation is tried, counted from the issue's last change. */
export const MAX_ATTEMPTS = 10;

export interface FailedEvaluation {
  readonly issueId: string;
  readonly error: string;
}

/** Stores failed evaluations. If the issues have just changed (`fresh`), their attempts are counted from 1 again. */
export async function recordFailures(
  db: Db,
  trigger: string,
  failures: readonly FailedEvaluation[],
  fresh: boolean,
): Promise<void> {
  if (failures.length === 0) return;
  await db.query({
    text: `INSERT INTO failed_evaluations AS known (trigger, issue_id, attempts, last_error)
           SELECT $1, issue_id, 1, error FROM unnest($2::bigint[], $3::text[]) AS failed (issue_id, error)
           ON CONFLICT (trigger, issue_id) DO UPDATE SET
             attempts = CASE WHEN $4 THEN 1 ELSE known.attempts + 1 END,
             last_error = excluded.last_error,
             last_attempt_at = now()`,
    values: [trigger, failures.map((one) => one.issueId), failures.map((one) => one.error), fresh],
  });
}

/** The names of the triggers that have failed evaluations from earlier runs. */
export async function triggersWithFailures(db: Db): Promise<Set<string>> {
  const { rows } = await db.query<{ trigger: string }>({
    text: 'SELECT DISTINCT trigger FROM failed_evaluations',
  });
  return new Set(rows.map((row) => row.trigger));
}

/** Deletes the failures of evaluations that have succeeded now. */
export async function clearFailures(db: Db, trigger: string, issueIds: readonly string[]): Promise<void> {
  if (issueIds.length === 0) return;
  await db.query({
    text: 'DELETE FROM failed_evaluations WHERE trigger = $1 AND issue_id = ANY($2::bigint[])',
    values: [trigger, issueIds],
  });
}

/** The issues on which the trigger failed in earlier runs and must be tried again, ordered by id, after `afterId`. */
export async function issuesToRetry(
  db: Db,
  trigger: string,
  afterId: string,
  limit: number,
): Promise<string[]> {
  const { rows } = await db.query<{ issue_id: string }>({
    text: `SELECT issue_id FROM failed_evaluations
           WHERE trigger = $1 AND attempts < $2 AND issue_id > $3 ORDER BY issue_id LIMIT $4`,
    values: [trigger, MAX_ATTEMPTS, afterId, limit],
  });
  return rows.map((row) => row.issue_id);
}

/** The failed evaluation of one issue by one trigger. */
export interface TriggerFailure {
  readonly trigger: string;
  readonly attempts: number;
  readonly lastError: string;
}

/** The failed evaluations of an issue, by the trigger's name. */
export async function failuresOf(db: Db, issueId: string): Promise<TriggerFailure[]> {
  const { rows } = await db.query<TriggerFailure>({
    text: `SELECT trigger, attempts, last_error AS "lastError" FROM failed_evaluations
           WHERE issue_id = $1 ORDER BY trigger`,
    values: [issueId],
  });
  return rows;
}
