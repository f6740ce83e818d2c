import type { BucketCounts, Counts, Issue, RankedIssue } from '../domain/issue.ts';
import type { Step } from '../domain/step.ts';
import { DAY, dayNumber, utcDay } from '../domain/time.ts';
import { KNOWN_CANARY_ISSUES } from './canaries.ts';
import type { TopQuery } from './counts.ts';
import { pastDays } from './past-days.ts';
import { keptIssues } from './past-issues.ts';
import type { Stored } from './past-stored.ts';
import { storedCounts } from './past-stored.ts';
import type { Db } from './pool.ts';
import type { Transaction } from './transaction.ts';
import { forbidWrites } from './transaction.ts';

/**
 * Temporary views that hide everything after a step, under the names of the tables. They come first in the search path, so
 * every query that reads a table reads its past instead. The bucket of the current day is the union of its hours so far.
 * Its subqueries unite the hours of one issue after the other, where grouping could hold a state for each issue.
 */
const VIEWS = (schema: string) => `
  CREATE TEMP VIEW issue_hours AS
    SELECT * FROM ${schema}.issue_hours WHERE hour <= ${setting('end', 'timestamptz')};
  CREATE TEMP VIEW issue_buckets AS
    SELECT issue_id, date, event_set, user_set FROM ${schema}.issue_buckets WHERE date < ${setting('day', 'date')}
    UNION ALL
    SELECT issue_id, ${setting('day', 'date')}, (SELECT hll_union_agg(event_set) ${HOURS_OF_ISSUE}), (SELECT hll_union_agg(user_set) ${HOURS_OF_ISSUE})
    FROM (SELECT DISTINCT issue_id FROM pg_temp.issue_hours WHERE ${IS_TODAY}) AS active;
  CREATE TEMP VIEW issue_tags AS
    SELECT * FROM ${schema}.issue_tags WHERE received_at <= ${setting('end', 'timestamptz')};
  CREATE TEMP VIEW issue_activity AS
    SELECT issue_id, least(last_seen, ${setting('end', 'timestamptz')}) AS last_seen FROM ${schema}.issue_activity;
  SELECT set_config('search_path', concat_ws(', ', 'pg_temp', nullif(current_setting('search_path'), '')), true);`;

const IS_TODAY = `hour >= ${setting('midnight', 'timestamptz')}`;
const HOURS_OF_ISSUE = `FROM pg_temp.issue_hours WHERE issue_hours.issue_id = active.issue_id AND ${IS_TODAY}`;

function setting(name: string, type: string): string {
  return `current_setting('bec_alerts.past_${name}')::${type}`;
}

/** The database as it was at the end of a step, as every query of the transaction sees it. */
export interface Past extends Stored {
  /** Its queries have no savepoint of their own, which would take as long as many a query. */
  readonly tx: Transaction;
  /** @throws the error of the first query that failed; no query after it has an answer */
  throwIfFailed(): void;
  moveTo(step: Step): Promise<void>;
  /** Our ids of the issues with events in the current step, in order. */
  activeIssues(): Promise<string[]>;
  /** As `issuesById`. Issues of earlier steps are kept in memory. */
  issues(ids: readonly string[]): Promise<Issue[]>;
  /** As `countsOf` over days, the current one and so many before it. */
  dayCounts(ids: readonly string[], back: number): Promise<ReadonlyMap<string, Counts>>;
  /** As `seriesOf` over days. */
  daySeries(ids: readonly string[], back: number): Promise<ReadonlyMap<string, readonly BucketCounts[]>>;
  /** As `topIssues`. */
  top(query: TopQuery): Promise<readonly RankedIssue[]>;
}

/** Opens the past in a transaction that is rolled back at its end, and that may write nothing from here on. */
export async function openPast(transaction: Transaction): Promise<Past> {
  const { tx, throwIfFailed } = withoutSavepoints(transaction);
  const schema = await schemaOfTables(tx);
  const stored = await storedCounts(tx);
  await tx.query({ text: VIEWS(schema) });
  const issues = keptIssues(tx, schema);
  const days = pastDays(tx, schema, issues);
  await forbidWrites(tx);
  let current: Step | undefined;
  const step = () => {
    if (current === undefined) throw new Error('no step was begun');
    return current;
  };
  return {
    ...stored,
    tx,
    throwIfFailed,
    async moveTo(next) {
      current = next;
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
      const { unit, start } = step();
      const active = await tx.query<{ issue_id: string }>(
        unit === 'hour'
          ? { text: activeInHour(schema), values: [start.toISOString()] }
          : { text: activeOnDay(schema), values: [utcDay(start)] },
      );
      return active.rows.map(({ issue_id }) => issue_id);
    },
    issues: (ids) => issues(ids, step().end),
    dayCounts: (ids, back) => days.counts(ids, back, step()),
    daySeries: (ids, back) => days.series(ids, back, step()),
    top: (query) => days.top(query, step()),
  };
}

function withoutSavepoints(transaction: Transaction): Pick<Past, 'tx' | 'throwIfFailed'> {
  let failure: { readonly error: unknown } | undefined;
  const tx: Transaction = {
    ...transaction,
    async query(query) {
      try {
        return await transaction.query(query);
      } catch (error) {
        failure ??= { error };
        throw error;
      }
    },
    attempt: (work) => work(tx),
  };
  return {
    tx,
    throwIfFailed() {
      if (failure !== undefined) throw failure.error;
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
  `SELECT issue_id FROM ${schema}.issue_hours
   WHERE hour = $1::timestamptz AND issue_id NOT IN (${KNOWN_CANARY_ISSUES}) ORDER BY issue_id`;

const activeOnDay = (schema: string) =>
  `SELECT issue_id FROM ${schema}.issue_buckets
   WHERE date = $1::date AND issue_id NOT IN (${KNOWN_CANARY_ISSUES}) ORDER BY issue_id`;
