import { orDatabaseError } from './errors.ts';
import type { Db } from './pool.ts';

/** The triggers of a watcher. */
export interface OwnTriggers {
  readonly names: readonly string[];
  /** A trigger that is new to the database starts with the issues that changed in this time. */
  readonly sinceMilliseconds: number;
}

/** How far a trigger has evaluated. */
export interface Progress {
  readonly trigger: string;
  /** Its last run; null if the trigger is new to the database. */
  readonly last: EvaluatedUpTo | null;
}

export interface EvaluatedUpTo {
  /** There is one run at a time, so the ids have the order of the runs. */
  readonly runId: string;
  /** The changes that it sees are evaluated. */
  readonly snapshot: string;
  /** The run happened in another cluster, whose transaction numbers mean nothing here: this is a restored dump. */
  readonly restored: boolean;
}

/**
 * True for a row with a snapshot that belongs to another cluster and was written again in this one. pg_upgrade creates
 * another cluster too, but keeps rows and transaction numbers: then `xmin` is still the row's own transaction. If the
 * cluster's identifier is unknown, a snapshot ahead of this cluster's transactions shows that the row was restored.
 * @param cluster the parameter with this cluster's identifier
 */
export const restored = (cluster: string) => `(
  pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot())
  OR coalesce(cluster <> ${cluster} AND xmin <> changed_in::xid, false))`;

/** The last run of the version before this one, which kept no progress by trigger. */
export const RUN_BEFORE_PROGRESS = `
  SELECT id, ran_at, snapshot, cluster, changed_in, xmin FROM trigger_runs
  WHERE finished_at IS NOT NULL AND NOT by_trigger ORDER BY id DESC LIMIT 1`;

/**
 * The last run of each of the triggers `$1`; `$2` is this cluster. A run of the version before this one stands for all
 * triggers, because nobody knows which it had. A trigger without progress starts from it in two cases. Either no
 * trigger has any, as after an update. Or it was within the last `$3` milliseconds, and the update may have reached
 * another watcher first.
 */
const PROGRESS = `
  WITH before AS (SELECT id, ran_at, snapshot, ${restored('$2')} AS restored FROM (${RUN_BEFORE_PROGRESS}) AS run)
  SELECT name, last.id, ran_at, snapshot::text AS snapshot, restored
  FROM unnest($1::text[]) WITH ORDINALITY AS named (name, place)
  LEFT JOIN LATERAL (
    SELECT run_id AS id, ran_at, snapshot, ${restored('$2')} AS restored FROM trigger_progress WHERE trigger = name
    UNION ALL
    SELECT id, ran_at, snapshot, restored FROM before
    WHERE EXISTS (SELECT FROM trigger_progress WHERE trigger = name) OR NOT EXISTS (SELECT FROM trigger_progress)
       OR ran_at > now() - $3::float8 * interval '1 ms'
    ORDER BY id DESC LIMIT 1
  ) AS last ON true`;

/** The progress of each trigger, in their order. */
export async function progressOf(db: Db, own: OwnTriggers, cluster: string | null): Promise<Progress[]> {
  type Row = { name: string; id: string | null; snapshot: string; restored: boolean };
  const { rows } = await db.query<Row>({
    text: `${PROGRESS} ORDER BY place`,
    values: [own.names, cluster, own.sinceMilliseconds],
  });
  return rows.map(({ name, id, ...seen }) => ({
    trigger: name,
    last: id === null ? null : { runId: id, snapshot: seen.snapshot, restored: seen.restored },
  }));
}

/**
 * Seconds since the last run of the trigger that has not run for the longest time, by the database's clock. Null if one
 * of the triggers never ran. Without triggers, it is the last finished run.
 * @throws CodedError
 */
export async function oldestRunSeconds(db: Db, own: OwnTriggers): Promise<number | null> {
  const query = db.query<{ age: number | null }>({
    text: `SELECT extract(epoch FROM clock_timestamp() - CASE
             WHEN count(*) = 0 THEN (SELECT max(ran_at) FROM trigger_runs WHERE finished_at IS NOT NULL)
             WHEN bool_and(ran_at IS NOT NULL) THEN min(ran_at) END)::float8 AS age
           FROM (${PROGRESS}) AS progress`,
    values: [own.names, null, own.sinceMilliseconds],
  });
  const { rows } = await orDatabaseError('asking for the last run of the triggers', query);
  return rows[0]?.age ?? null;
}

/**
 * Milliseconds until a run is due; 0 or less if it is due now, or if one of the triggers never ran. @throws CodedError
 */
export async function millisecondsUntilDue(db: Db, delaySeconds: number, own: OwnTriggers): Promise<number> {
  const age = await oldestRunSeconds(db, own);
  // A clock that went backwards must not delay the next run for longer than one interval.
  return age === null ? 0 : Math.min(delaySeconds - age, delaySeconds) * 1_000;
}

/** The progress of a trigger that `status` shows. */
export interface ListedTrigger {
  readonly name: string;
  readonly ranAt: Date;
  /** Since its last run began, by the database's clock. */
  readonly ageSeconds: number;
  /** A watcher leaves it out since this time; null if none does. */
  readonly leftOutSince: Date | null;
}

/** All triggers with progress: those that are left out first, and then those that ran last. */
export async function listTriggers(db: Db): Promise<ListedTrigger[]> {
  const { rows } = await db.query<ListedTrigger>({
    text: `SELECT trigger AS name, ran_at AS "ranAt", left_out_since AS "leftOutSince",
                  extract(epoch FROM clock_timestamp() - ran_at)::float8 AS "ageSeconds"
           FROM trigger_progress ORDER BY left_out_since IS NULL, ran_at DESC, name`,
  });
  return rows;
}
