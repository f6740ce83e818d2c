import type { Pool } from '../../src/db/pool.ts';
import type { Environment, Finished } from './command.ts';
import { runCommand } from './command.ts';
import type { TestDatabase } from './database.ts';

/** The real `bec-alerts silence`, by ann. */
export async function silence(
  database: TestDatabase,
  parameters: readonly string[],
  env: Environment = {},
): Promise<Finished> {
  return await runCommand(['silence', ...parameters], { DATABASE_URL: database.url, USER: 'ann', ...env });
}

/** A silence of an issue as `silence` stores it. @param columns SQL of the columns that differ */
export async function addSilence(
  pool: Pool,
  groupId: string,
  columns: Readonly<Record<string, string>> = {},
): Promise<void> {
  const end = 'users_over' in columns ? {} : { until: `now() + interval '8 hours'` };
  const values = { because: `'known'`, created_by: `'ann'`, ...end, ...columns };
  await pool.query(
    `INSERT INTO silences (issue_id, ${Object.keys(values).join(', ')})
     SELECT id, ${Object.values(values).join(', ')} FROM issues WHERE group_id = $1`,
    [groupId],
  );
}

/** Moves all silences into the past, so that those by time are over. */
export async function outlastSilences(pool: Pool): Promise<void> {
  await pool.query(
    `UPDATE silences SET created_at = created_at - interval '1 year', until = until - interval '1 year'`,
  );
}

export interface SilenceRow {
  readonly group_id: string;
  readonly trigger: string | null;
  readonly users_over: number | null;
  readonly because: string;
  readonly created_by: string;
  /** In seconds; null if it ends by users. */
  readonly length: number | null;
  readonly ended: boolean;
  readonly settled: boolean;
}

/** All silences, the oldest first. */
export async function silenceRows(pool: Pool): Promise<SilenceRow[]> {
  const { rows } = await pool.query<SilenceRow>(
    `SELECT group_id, trigger, users_over::int, because, created_by,
            extract(epoch FROM until - date_trunc('second', created_at))::int AS length,
            ended_at IS NOT NULL AS ended, reevaluated_at IS NOT NULL AS settled
     FROM silences JOIN issues ON issues.id = issue_id ORDER BY silences.id`,
  );
  return rows;
}
