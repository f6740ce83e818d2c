import { databaseError } from './errors.ts';
import type { Db } from './pool.ts';

/** Updates of the rows that each batch writes, since the statistics were reset. */
export interface RowUpdates {
  readonly all: number;
  /** Those whose new version found room in the page of the old one (heap-only tuples). */
  readonly hot: number;
}

/** Every role may read these statistics, also those of other sessions. They are seconds old. @throws CodedError */
export async function countRowUpdates(db: Db): Promise<RowUpdates> {
  try {
    const { rows } = await db.query<RowUpdates>({
      name: 'row-updates',
      text: `SELECT sum(pg_stat_get_tuples_updated(name))::float8 AS "all",
                    sum(pg_stat_get_tuples_hot_updated(name))::float8 AS hot
             FROM unnest(ARRAY['issue_activity', 'issue_buckets', 'issue_hours']::regclass[]) AS name`,
    });
    return rows[0] ?? { all: 0, hot: 0 };
  } catch (error) {
    throw databaseError('reading the statistics of updates', error);
  }
}
