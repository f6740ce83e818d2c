import { query } from '../dev/postgres/server.ts';

/**
 * A thousand pairs of sets that buckets draw from, since sets take longer to make than to store. By events a day:
 * 90 % one to ten, 8 % up to 160 (exact), 1.5 % up to 1,000 and 0.5 % 5,000 to 15,000 (estimated). Seven users
 * for ten events.
 */
const PATTERNS = `
  CREATE TABLE pattern AS
  SELECT k,
         (SELECT hll_add_agg(hll_hash_text('event ' || k || ' ' || j), 11, 5, -1, 1) FROM generate_series(1, n) AS j) AS event_set,
         (SELECT hll_add_agg(hll_hash_text('user ' || k || ' ' || j * 7 / 10), 11, 5, -1, 1) FROM generate_series(1, n) AS j) AS user_set
  FROM (SELECT k, CASE WHEN k < 900 THEN 1 + k % 10
                       WHEN k < 980 THEN 11 + k * 37 % 150
                       WHEN k < 995 THEN 161 + k * 97 % 800
                       ELSE 5000 + (k - 995) * 2500 END AS n
        FROM generate_series(0, 999) AS k) AS size;
  ALTER TABLE pattern ADD PRIMARY KEY (k);
  CREATE TABLE stack AS
  SELECT k, (SELECT jsonb_agg(jsonb_build_object(
               'function', 'call' || f || '_' || k, 'module', 'resource://gre/modules/Module' || (k + f) % 100 || '.jsm',
               'line', f * 13, 'column', f)) FROM generate_series(1, 15) AS f) AS frames
  FROM generate_series(0, 99) AS k;`;

/** Issues with fifteen frames each (2 kB a row), all changed since the last run, because there was no run. */
const ISSUES = `
  INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
  SELECT 'group-' || i, '7', 'TypeError: undefined is not a function in handler ' || i,
         'resource://gre/modules/Module' || i % 100 || '.jsm', frames, now() - interval '6 days', now(), pg_current_xact_id()
  FROM generate_series(1::bigint, $1) AS i JOIN stack ON k = i % 100`;

/** Seven days each, today the last. */
const BUCKETS = `
  INSERT INTO issue_buckets (issue_id, date, event_set, user_set)
  SELECT id, (now() AT TIME ZONE 'UTC')::date - day, event_set, user_set
  FROM issues CROSS JOIN generate_series(0, 6) AS day JOIN pattern ON k = (id * 7919 + day * 104729) % 1000`;

export const BUCKETS_PER_ISSUE = 7;

/**
 * A month: every tenth issue has events each day and hour, the others on one day of six, in two hours of it. Hours are
 * kept for eight days.
 */
const MONTH = `
  UPDATE issues SET first_seen = now() - interval '40 days' WHERE id % 50 <> 0;
  INSERT INTO issue_buckets (issue_id, date, event_set, user_set)
  SELECT id, (now() AT TIME ZONE 'UTC')::date - day, event_set, user_set
  FROM issues CROSS JOIN generate_series(0, 37) AS day JOIN pattern ON k = (id * 7919 + day * 104729) % 1000
  WHERE id % 10 = 0 OR (id + day) % 6 = 0;
  INSERT INTO issue_hours (issue_id, hour, event_set, user_set)
  SELECT issue_id, hour, pattern.event_set, pattern.user_set
  FROM issue_buckets CROSS JOIN generate_series(0, 23) AS h
  CROSS JOIN LATERAL (SELECT (date + h * interval '1 hour') AT TIME ZONE 'UTC' AS hour) AS hours
  JOIN pattern ON k = (issue_id * 31 + h * 17) % 900
  WHERE date > (now() AT TIME ZONE 'UTC')::date - 8 AND hour <= now() AND (issue_id % 10 = 0 OR h % 12 = issue_id % 12);`;

/** Fills a migrated database with changed issues. */
export async function fill(databaseUrl: string, issues: number): Promise<void> {
  await fillWith(databaseUrl, issues, BUCKETS, ['issues', 'issue_buckets']);
}

/** Fills a migrated database with a month of issues. */
export async function fillMonth(databaseUrl: string, issues: number): Promise<void> {
  await fillWith(databaseUrl, issues, MONTH, ['issues', 'issue_activity', 'issue_buckets', 'issue_hours']);
}

/** @param counts the statements that store the counts of the issues. @param tables those that they fill */
async function fillWith(
  databaseUrl: string,
  issues: number,
  counts: string,
  tables: readonly string[],
): Promise<void> {
  await query(databaseUrl, PATTERNS);
  await query(databaseUrl, ISSUES, [issues]);
  await query(databaseUrl, counts);
  for (const table of tables) await query(databaseUrl, `VACUUM ANALYZE ${table}`);
  await query(databaseUrl, 'CHECKPOINT');
}
