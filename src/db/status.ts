import type { BouncedAlert } from './bounces.ts';
import { latestBounced } from './bounces.ts';
import type { CanaryState } from './canaries.ts';
import { canaryState } from './canaries.ts';
import { databaseError, orDatabaseError } from './errors.ts';
import { MAX_ATTEMPTS } from './evaluations.ts';
import type { Db } from './pool.ts';
import type { ListedTrigger } from './progress.ts';
import { listTriggers } from './progress.ts';
import { transactionTime } from './runs.ts';
import { holdingSilences } from './silences.ts';

/** The state of the service as the database has it. */
export interface DatabaseStatus {
  /** Sentry's time of the event that was counted last; null if none ever was. */
  readonly lastEventAt: Date | null;
  readonly lastRun: LastRun | null;
  /** All triggers that ran, with their last run: those that are left out first. */
  readonly triggers: readonly ListedTrigger[];
  readonly alerts: AlertCounts;
  /** The latest alerts that were not delivered although SES accepted them, five at most. */
  readonly bounced: readonly BouncedAlert[];
  /** Evaluations that threw and will be retried. */
  readonly failedEvaluations: number;
  readonly silences: SilenceCounts;
  /** Null if no watcher sends canaries. */
  readonly canary: CanaryState | null;
  /** Largest first. */
  readonly tables: readonly TableSize[];
}

export interface LastRun {
  readonly id: string;
  readonly ranAt: Date;
  readonly finishedAt: Date;
  readonly issues: number;
  readonly alerts: number;
  /** Since it began, by the database's clock. */
  readonly ageSeconds: number;
}

export interface AlertCounts {
  readonly sent: number;
  /** Given up: SES will never accept them. */
  readonly failed: number;
  /** SES accepted them, and they were not delivered. */
  readonly bounced: number;
  readonly pending: number;
  /** How long the oldest pending one has been waiting; null if none is pending. */
  readonly oldestPendingSeconds: number | null;
}

export interface SilenceCounts {
  /** Number of silences that hold. */
  readonly holding: number;
  /** When the next of them ends; null if no silence that holds ends by time. */
  readonly nextEndsAt: Date | null;
}

export interface TableSize {
  readonly name: string;
  readonly rows: number;
  /** Counting a large table takes long, so Postgres's own estimate is used instead. */
  readonly estimated: boolean;
  /** With its indexes. */
  readonly bytes: number;
}

const BOUNCED_LISTED = 5;
/** Up to here a table is counted row by row. */
const COUNTED_BYTES = 64 * 1_024 * 1_024;

/** @param countedBytes how large a table may be and still be counted row by row */
export async function databaseStatus(db: Db, countedBytes = COUNTED_BYTES): Promise<DatabaseStatus> {
  try {
    return {
      lastEventAt: await lastEventAt(db),
      lastRun: await lastRun(db),
      triggers: await listTriggers(db),
      alerts: await alertCounts(db),
      bounced: await latestBounced(db, BOUNCED_LISTED),
      failedEvaluations: await countToRetry(db),
      silences: await silenceCounts(db),
      canary: await canaryState(db),
      tables: await tableSizes(db, countedBytes),
    };
  } catch (error) {
    throw databaseError("reading the service's state", error);
  }
}

/** @throws CodedError */
export async function lastRun(db: Db): Promise<LastRun | null> {
  const query = db.query<{
    id: string;
    ran_at: Date;
    finished_at: Date;
    issues: number;
    alerts: number;
    age: number;
  }>({
    text: `SELECT id, ran_at, finished_at, issue_count::float8 AS issues, alert_count::float8 AS alerts,
                  extract(epoch FROM clock_timestamp() - ran_at)::float8 AS age
           FROM trigger_runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1`,
  });
  const { rows } = await orDatabaseError('asking for the last run', query);
  const [row] = rows;
  if (row === undefined) return null;
  const { id, ran_at: ranAt, finished_at: finishedAt, issues, alerts, age } = row;
  return { id, ranAt, finishedAt, issues, alerts, ageSeconds: age };
}

// The issue that changed last: the latest last_seen may be of a clock that was off.
async function lastEventAt(db: Db): Promise<Date | null> {
  const { rows } = await db.query<{ last_seen: Date }>({
    text: 'SELECT last_seen FROM issue_activity ORDER BY changed_in DESC LIMIT 1',
  });
  return rows[0]?.last_seen ?? null;
}

async function alertCounts(db: Db): Promise<AlertCounts> {
  type Row = { sent: number; failed: number; bounced: number; pending: number; oldest: number | null };
  const { rows } = await db.query<Row>({
    text: `SELECT count(*) FILTER (WHERE status = 'sent')::float8 AS sent,
                  count(*) FILTER (WHERE status = 'failed')::float8 AS failed,
                  count(*) FILTER (WHERE status = 'bounced')::float8 AS bounced,
                  count(*) FILTER (WHERE status = 'pending')::float8 AS pending,
                  extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE status = 'pending'))::float8
                    AS oldest
           FROM alerts`,
  });
  const { sent = 0, failed = 0, bounced = 0, pending = 0, oldest = null } = rows[0] ?? {};
  return { sent, failed, bounced, pending, oldestPendingSeconds: oldest };
}

/** Those given up are not among them: they are made again only if their issue changes. */
async function countToRetry(db: Db): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    text: 'SELECT count(*)::float8 AS count FROM failed_evaluations WHERE attempts < $1',
    values: [MAX_ATTEMPTS],
  });
  return rows[0]?.count ?? 0;
}

async function silenceCounts(db: Db): Promise<SilenceCounts> {
  const silences = await holdingSilences(db, await transactionTime(db));
  const ends = silences.flatMap(({ end }) => ('until' in end ? [end.until.getTime()] : []));
  return { holding: silences.length, nextEndsAt: ends.length === 0 ? null : new Date(Math.min(...ends)) };
}

async function tableSizes(db: Db, countedBytes: number): Promise<TableSize[]> {
  const { rows } = await db.query<{ name: string; estimate: number; heap: number; bytes: number }>({
    text: `SELECT relname AS name, reltuples::float8 AS estimate, pg_table_size(oid)::float8 AS heap,
                  pg_total_relation_size(oid)::float8 AS bytes
           FROM pg_class
           WHERE oid = ANY(ARRAY(SELECT to_regclass(name) FROM unnest($1::text[]) AS name))
           ORDER BY bytes DESC, name`,
    values: [TABLES],
  });
  const sizes: TableSize[] = [];
  for (const { name, estimate, heap, bytes } of rows) {
    const estimated = heap > countedBytes && estimate >= 0;
    sizes.push({ name, bytes, estimated, rows: estimated ? estimate : await countRows(db, name) });
  }
  return sizes;
}

/** Every table of events, runs and alerts, in an order in which their rows can be inserted. */
export const TABLES = [
  'issues',
  'issue_activity',
  'issue_buckets',
  'issue_hours',
  'issue_tags',
  'recipients',
  'recipient_issues',
  'trigger_runs',
  'trigger_progress',
  'alerts',
  'failed_evaluations',
  'silences',
  'canaries',
] as const;

/** @param table one of TABLES: the name is part of the statement as it is */
async function countRows(db: Db, table: string): Promise<number> {
  const name = TABLES.find((one) => one === table);
  if (name === undefined) throw new Error(`"${table}" is not one of our tables`);
  const { rows } = await db.query<{ count: number }>({
    text: `SELECT count(*)::float8 AS count FROM ${name}`,
  });
  return rows[0]?.count ?? 0;
}
