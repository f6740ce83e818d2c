import { DAY, dayNumber, utcDay } from '../domain/time.ts';
import type { Db } from './pool.ts';
import { forbidWrites } from './transaction.ts';

/** A span of time at whose end a backtest evaluates the issues that had events in it. */
export interface Step {
  readonly unit: 'day' | 'hour';
  /** The first instant of the UTC day or hour. */
  readonly start: Date;
  /** The last instant that counts as past. */
  readonly end: Date;
}

/** How far back counts are stored. */
export interface Stored {
  /** The database's clock. */
  readonly now: Date;
  /** The first UTC day from which on every hour is stored; null if no hour is. */
  readonly hoursSince: Date | null;
}

/**
 * A day whose first hours are deleted already has no exact counts by hour, so the hours begin with the next day. If no
 * older day is stored, all events of the first day have hours.
 */
async function storedHours(db: Db): Promise<Stored> {
  const { rows } = await db.query<{ now: Date; hours_since: Date | null }>({
    text: `SELECT date_trunc('milliseconds', clock_timestamp()) AS now,
                  CASE WHEN EXISTS (SELECT FROM issue_buckets WHERE date < (first AT TIME ZONE 'UTC')::date)
                       THEN date_trunc('day', first - interval '1 microsecond', 'UTC') + interval '1 day'
                       ELSE date_trunc('day', first, 'UTC') END AS hours_since
           FROM (SELECT min(hour) AS first FROM issue_hours) AS oldest`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('an aggregate returned no row');
  return { now: row.now, hoursSince: row.hours_since };
}

/**
 * Temporary views that hide everything after a step, under the names of the tables. Postgres looks for temporary objects
 * first, so every query that reads a table reads its past instead. The current day of a step comes from `past_day`: the
 * union of the day's hours up to each hour. An upsert per step would leave versions that the transaction can't remove.
 */
const VIEWS = (schema: string, hoursSince: Date | null) => `
  CREATE TEMP TABLE past_day ON COMMIT DROP AS
    SELECT issue_id, hour AS since, coalesce(lead(hour) OVER day, date_trunc('day', hour, 'UTC') + interval '1 day') AS until,
           hll_union_agg(event_set) OVER day AS event_set, hll_union_agg(user_set) OVER day AS user_set
    FROM ${schema}.issue_hours WHERE hour >= '${hoursSince?.toISOString() ?? 'infinity'}'::timestamptz
    WINDOW day AS (PARTITION BY issue_id, date_trunc('day', hour, 'UTC') ORDER BY hour);
  CREATE INDEX ON past_day (issue_id, since);
  CREATE INDEX ON past_day (since);
  ANALYZE past_day;
  CREATE TEMP VIEW issue_buckets AS
    SELECT issue_id, date, event_set, user_set FROM ${schema}.issue_buckets WHERE date < ${setting('day', 'date')}
    UNION ALL
    SELECT issue_id, ${setting('day', 'date')}, event_set, user_set FROM past_day
    WHERE since >= ${setting('midnight', 'timestamptz')} AND since <= ${setting('end', 'timestamptz')}
      AND until > ${setting('end', 'timestamptz')};
  CREATE TEMP VIEW issue_hours AS
    SELECT * FROM ${schema}.issue_hours WHERE hour <= ${setting('end', 'timestamptz')};
  CREATE TEMP VIEW issue_tags AS
    SELECT * FROM ${schema}.issue_tags WHERE received_at <= ${setting('end', 'timestamptz')};
  CREATE TEMP VIEW issue_activity AS
    SELECT issue_id, least(last_seen, ${setting('end', 'timestamptz')}) AS last_seen FROM ${schema}.issue_activity;`;

function setting(name: string, type: string): string {
  return `current_setting('bec_alerts.past_${name}')::${type}`;
}

/** The database as it was at the end of a step, as every query of the transaction sees it. */
export interface Past extends Stored {
  moveTo(step: Step): Promise<void>;
  /** Our ids of the issues with events in the current step, in order. */
  activeIssues(): Promise<string[]>;
}

/** Opens the past in a transaction that is rolled back at its end, and that may write nothing from here on. */
export async function openPast(tx: Db): Promise<Past> {
  const schema = await schemaOfTables(tx);
  const stored = await storedHours(tx);
  await tx.query({ text: VIEWS(schema, stored.hoursSince) });
  await forbidWrites(tx);
  let step: Step | undefined;
  return {
    ...stored,
    async moveTo(next) {
      step = next;
      await tx.query({
        text: SETTINGS,
        values: [
          dayAfterWholeDays(next),
          next.unit === 'hour' ? midnight(next) : 'infinity',
          next.end.toISOString(),
        ],
      });
    },
    async activeIssues() {
      if (step === undefined) throw new Error('no step was begun');
      const active = await tx.query<{ issue_id: string }>(
        step.unit === 'hour'
          ? { text: activeInHour(schema), values: [step.start.toISOString()] }
          : { text: activeOnDay(schema), values: [utcDay(step.start)] },
      );
      return active.rows.map(({ issue_id }) => issue_id);
    },
  };
}

/** The schema of our tables, quoted. */
async function schemaOfTables(db: Db): Promise<string> {
  const { rows } = await db.query<{ schema: string }>({
    text: `SELECT quote_ident(nspname) AS schema FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
           WHERE pg_class.oid = 'issue_buckets'::regclass`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the table issue_buckets has no schema');
  return row.schema;
}

const SETTINGS = `
  SELECT set_config('bec_alerts.past_day', $1, true), set_config('bec_alerts.past_midnight', $2, true),
         set_config('bec_alerts.past_end', $3, true)`;

/** The first instant of the UTC day of a step. */
function midnight({ start }: Step): string {
  return new Date(dayNumber(start) * DAY).toISOString();
}

/** The day before which all buckets are whole: at the end of a day, the next one; within a day, the day itself. */
function dayAfterWholeDays({ unit, start, end }: Step): string {
  return unit === 'hour' ? utcDay(start) : utcDay(new Date(end.getTime() + DAY));
}

const activeInHour = (schema: string) =>
  `SELECT issue_id FROM ${schema}.issue_hours WHERE hour = $1::timestamptz ORDER BY issue_id`;

const activeOnDay = (schema: string) =>
  `SELECT issue_id FROM ${schema}.issue_buckets WHERE date = $1::date ORDER BY issue_id`;
