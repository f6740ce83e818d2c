import pg from 'pg';
import { browserErrors } from '../../dev/browser-errors/errors.ts';
import { parseEvent } from '../../src/domain/event.ts';
import { groupIds } from '../stored.ts';

/**
 * Sets of 1 to 160 elements, which are exact, and then of 1.5 times as many each, up to five million. Buckets draw from
 * them by the number of their events. Seven users for ten events.
 */
const PATTERNS = `
  CREATE UNLOGGED TABLE bench_pattern AS
  SELECT place,
         (SELECT hll_add_agg(hll_hash_text('event ' || j), 11, 5, -1, 1) FROM generate_series(1, n) AS j) AS event_set,
         (SELECT hll_add_agg(hll_hash_text('user ' || j), 11, 5, -1, 1) FROM generate_series(1, greatest(1, n * 7 / 10)) AS j) AS user_set
  FROM (SELECT place, CASE WHEN place <= 160 THEN place ELSE least(5e6, 160 * 1.5 ^ (place - 160))::int END AS n
        FROM generate_series(1, 186) AS place) AS size;
  ANALYZE bench_pattern;`;

/** Issues come in another order than their ranks, so that the frequent ones are not neighbours. $1 the number of issues */
const SHARES = `
  CREATE UNLOGGED TABLE bench_share AS
  SELECT id, rank, (rank + 1) ^ -1.1 / sum((rank + 1) ^ -1.1) OVER () AS share
  FROM (SELECT id, ((id * 611953) % $1::bigint)::float8 AS rank FROM generate_series(1::bigint, $1::bigint) AS id) AS ranked;`;

const ISSUES = `
  INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen)
  SELECT ($1::bigint + $2::bigint * rank::bigint)::text, '7', 'TypeError: made up ' || rank, 'resource:///modules/x.sys.mjs',
         ($3::jsonb[])[1 + id % 50], now() - interval '40 days', now() - interval '1 day'
  FROM bench_share ORDER BY id`;

/** The activity has the events of half a day, which decides how many tags are sampled. $1 events of half a day */
const ACTIVITY = `
  INSERT INTO issue_activity (issue_id, last_seen, changed_in, counted_on, counted)
  SELECT id, now() - interval '1 hour', '3', (now() AT TIME ZONE 'UTC')::date, (share * $1::float8)::bigint
  FROM bench_share ORDER BY id`;

/**
 * Buckets of a time. An issue with on average l events has a bucket with probability 1 - exp(-l), and then it has
 * l / (1 - exp(-l)) events on average. $1 the time, $2 events of all issues, $3 a seed
 */
const BUCKETS = (table: string, column: string, type: string, issues = 'true') => `
  INSERT INTO ${table} (issue_id, ${column}, event_set, user_set)
  SELECT id, $1::${type}, event_set, user_set
  FROM (
    SELECT id, mean / -expm1 + (hashint8extended(id, $3::bigint + 1) & 1048575) / 1048576e0 AS events
    FROM (SELECT id, share * $2::float8 AS mean, exp(-least(share * $2::float8, 500)) - 1 AS expm1 FROM bench_share WHERE ${issues}) AS expected
    WHERE (hashint8extended(id, $3::bigint) & 1048575) / 1048576e0 < -expm1
  ) AS drawn JOIN bench_pattern ON place = CASE WHEN events < 161 THEN floor(events)
                                              ELSE least(186, 160 + floor(ln(events / 160) / ln(1.5))) END::int
  ON CONFLICT DO NOTHING`;

/** Samples of tags of a day, of every tenth issue. $1 the day, $2 its events */
const TAGS = `
  INSERT INTO issue_tags (issue_id, date, hash, received_at, release, environment, browser, os)
  SELECT id, $1::date, hashint8extended(id * 100000 + number, 1), $1::date::timestamp AT TIME ZONE 'UTC' + number * interval '1 second',
         '2025011' || number % 10 || '093000', 'nightly', 'Firefox 14' || number % 4 || '.0', 'Windows 1' || number % 2
  FROM bench_share CROSS JOIN LATERAL generate_series(1, CASE
    WHEN share * $2::float8 <= 128 THEN floor(share * $2::float8 + (hashint8extended(id, 9) & 1048575) / 1048576e0)
    ELSE 128 * (1 + ln(share * $2::float8 / 128)) END::int) AS number
  WHERE id % 10 = 0
  ON CONFLICT DO NOTHING`;

/** Without these the hours are stored ten times as fast. Both are built again afterwards. */
const DROP_HOUR_INDEXES = `
  ALTER TABLE issue_hours DROP CONSTRAINT issue_hours_pkey, DROP CONSTRAINT issue_hours_issue_id_fkey;
  DROP INDEX issue_hours_hour;`;
const CREATE_HOUR_INDEXES = `
  SET maintenance_work_mem = '1GB';
  ALTER TABLE issue_hours ADD CONSTRAINT issue_hours_pkey PRIMARY KEY (issue_id, hour);
  CREATE INDEX issue_hours_hour ON issue_hours (hour);
  ALTER TABLE issue_hours ADD CONSTRAINT issue_hours_issue_id_fkey
    FOREIGN KEY (issue_id) REFERENCES issues (id) ON DELETE CASCADE NOT VALID;`;

/** Rows are not checked against issues one by one, because all have an issue. */
const BULK = `SET session_replication_role = replica; SET work_mem = '256MB'`;

export interface Filler {
  /** Issues, and the events of half a day in their activity. */
  issues(eventsOfHalfADay: number): Promise<void>;
  /** @returns the number of new rows */
  hour(hour: Date, events: number): Promise<number>;
  /** The hours of whole days, before the indexes exist. */
  hours(hours: readonly Date[], events: number, each: (index: number) => void): Promise<void>;
  /** @param tenth only every tenth issue, and its samples of tags */
  day(daysAgo: number, events: number, tenth?: boolean): Promise<void>;
}

export function createFiller(url: string, issues: number): Filler {
  const bulk = async (sql: string, values: readonly unknown[] = []) => await rowsOf(url, sql, values);
  const hour = async (at: Date, events: number) =>
    await bulk(BUCKETS('issue_hours', 'hour', 'timestamptz'), [
      at.toISOString(),
      events,
      at.getTime() / 3_600_000,
    ]);
  return {
    hour,
    async issues(eventsOfHalfADay) {
      await bulk(PATTERNS);
      await bulk(SHARES, [issues]);
      const { first, step } = groupIds();
      await bulk(ISSUES, [first, step, frames()]);
      await bulk(ACTIVITY, [eventsOfHalfADay]);
    },
    async hours(hours, events, each) {
      await bulk(DROP_HOUR_INDEXES);
      const left = [...hours.entries()];
      const work = async () => {
        for (let next = left.shift(); next !== undefined; next = left.shift()) {
          await hour(next[1], events);
          each(next[0]);
        }
      };
      await Promise.all([work(), work()]);
      await bulk(CREATE_HOUR_INDEXES);
    },
    async day(daysAgo, events, tenth = false) {
      const date = new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
      await bulk(BUCKETS('issue_buckets', 'date', 'date', tenth ? 'id % 10 = 0' : 'true'), [
        date,
        events,
        daysAgo,
      ]);
      if (tenth) await bulk(TAGS, [date, events]);
    },
  };
}

/** @returns the number of rows that the statement wrote */
async function rowsOf(url: string, sql: string, values: readonly unknown[]): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(BULK);
    const { rowCount } = await client.query(sql, values.length === 0 ? undefined : [...values]);
    return rowCount ?? 0;
  } finally {
    await client.end();
  }
}

/** The stacks of fifty made-up errors, as they are stored. */
function frames(): string[] {
  const made = browserErrors({ count: 50, issues: 5_000, seed: 5, now: new Date(), size: 'full' });
  return [...made].map(({ body }) => {
    const parsed = parseEvent(body, new Date());
    return JSON.stringify('event' in parsed ? parsed.event.stackFrames : []);
  });
}
