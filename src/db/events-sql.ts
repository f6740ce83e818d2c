/** The sets of a group of events. hll(11,5,-1,1) must match the columns' type. */
const SETS = `
  hll_add_agg(event_hash, 11, 5, -1, 1) AS event_set,
  coalesce(hll_add_agg(user_hash, 11, 5, -1, 1) FILTER (WHERE user_hash IS NOT NULL), hll_empty(11, 5, -1, 1)) AS user_set`;

/**
 * One more element rarely changes a set of many. After 20,000 events, one more changes one of the 2,048 registers in one
 * case of ten. A row that doesn't change is locked but not written, so it gets no new version.
 */
const MERGED = `
  event_set = hll_union(before.event_set, excluded.event_set),
  user_set = hll_union(before.user_set, excluded.user_set)
  WHERE hll_union(before.event_set, excluded.event_set) <> before.event_set
     OR hll_union(before.user_set, excluded.user_set) <> before.user_set`;

/**
 * Twice the number of samples that are read, so that the samples to read are always stored. About 128 events of an issue
 * and day are sampled. Each time that their number grows by the factor e, 128 more are sampled.
 */
const SAMPLED = 128;
/**
 * Hashes are spread evenly from -2^63 to 2^63. The lowest of them are sampled. The activity has the number of events of
 * the latest day. For an event of an earlier day, the day's bucket has it.
 */
const IS_SAMPLED = `
  hash < ${SAMPLED} * (2::float8 ^ 64) / greatest(1, CASE
    WHEN event.date = counted_on THEN counted
    ELSE coalesce((SELECT hll_cardinality(event_set) FROM issue_buckets AS earlier
                   WHERE earlier.issue_id = event.issue_id AND earlier.date = event.date), 1)
  END) - (2::float8 ^ 63)`;

/**
 * Stores the events of the issues in the CTE `issue` (id, group_id, last_seen, events of its day). Each row is one upsert.
 * Workers can't deadlock, because they lock activity in the order of group ids. The transaction that holds an issue's
 * activity may write the issue's other rows. `$1` to `$9` are the events.
 */
const EVENTS_OF_ISSUES = `
  active AS (
    INSERT INTO issue_activity AS before (issue_id, last_seen, changed_in, counted_on, counted)
    SELECT id, last_seen, pg_current_xact_id(), (last_seen AT TIME ZONE 'UTC')::date, events
    FROM issue ORDER BY group_id COLLATE "C"
    ON CONFLICT (issue_id) DO UPDATE SET
      last_seen = greatest(before.last_seen, excluded.last_seen),
      changed_in = excluded.changed_in,
      counted_on = greatest(before.counted_on, excluded.counted_on),
      counted = CASE
        WHEN excluded.counted_on = before.counted_on THEN before.counted + excluded.counted
        WHEN excluded.counted_on < before.counted_on THEN before.counted
        ELSE excluded.counted END
    RETURNING issue_id, counted_on, counted
  ), event AS MATERIALIZED (
    SELECT active.issue_id, counted_on, counted, (received_at AT TIME ZONE 'UTC')::date AS date, date_trunc('hour', received_at, 'UTC') AS hour,
           received_at, hll_hash_text(event_id) AS event_hash, hll_hash_text(user_hash) AS user_hash,
           hashtextextended(event_id, 0) AS hash, release, environment, browser, os, has_tags
    FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::boolean[])
      AS event (group_id, received_at, event_id, user_hash, release, environment, browser, os, has_tags)
    JOIN issue USING (group_id) JOIN active ON active.issue_id = issue.id
  ), day AS (
    INSERT INTO issue_buckets AS before (issue_id, date, event_set, user_set)
    SELECT issue_id, date, ${SETS} FROM event GROUP BY issue_id, date ORDER BY issue_id, date
    ON CONFLICT (issue_id, date) DO UPDATE SET ${MERGED}
  ), hour AS (
    INSERT INTO issue_hours AS before (issue_id, hour, event_set, user_set)
    SELECT issue_id, hour, ${SETS} FROM event GROUP BY issue_id, hour ORDER BY issue_id, hour
    ON CONFLICT (issue_id, hour) DO UPDATE SET ${MERGED}
  ), tags AS (
    INSERT INTO issue_tags (issue_id, date, hash, received_at, release, environment, browser, os)
    SELECT issue_id, date, hash, received_at, release, environment, browser, os
    FROM event
    WHERE has_tags AND ${IS_SAMPLED}
    ON CONFLICT (issue_id, date, hash) DO NOTHING
  )`;

/**
 * Stores events of known issues. Returns the group ids of unknown issues, whose events are not stored. `$10` to `$13` are
 * the issues. An issue's row is written only if an event is earlier than its first one.
 */
export const STORE_KNOWN = `
  WITH asked AS MATERIALIZED (
    SELECT * FROM unnest($10::text[], $11::timestamptz[], $12::timestamptz[], $13::bigint[])
      AS asked (group_id, first_seen, last_seen, events)
  ), known AS MATERIALIZED (
    SELECT issues.id, group_id, asked.first_seen, asked.last_seen, events, asked.first_seen < issues.first_seen AS is_earlier
    FROM asked JOIN issues USING (group_id)
  ), earlier AS (
    -- Every row conflicts. An upsert locks and updates a row's latest version at once and in order: to lock it first, and
    -- then update it from an older snapshot, can deadlock.
    INSERT INTO issues AS other
      (group_id, first_seen, last_seen, project_id, message, log_message, module, stack_frames, first_release, environment)
    SELECT group_id, known.first_seen, issues.last_seen, project_id, message, log_message, module, stack_frames,
           first_release, environment
    FROM known JOIN issues USING (id, group_id) WHERE is_earlier ORDER BY group_id COLLATE "C"
    ON CONFLICT (group_id) DO UPDATE SET first_seen = least(other.first_seen, excluded.first_seen)
    RETURNING other.id
  ), issue AS MATERIALIZED (
    -- Because of the join, the rows above are locked first.
    SELECT known.id, group_id, last_seen, events FROM known LEFT JOIN earlier USING (id)
  ), ${EVENTS_OF_ISSUES}
  SELECT group_id FROM asked WHERE NOT EXISTS (SELECT FROM known WHERE known.group_id = asked.group_id)`;

/** Stores the first events of new issues, and creates the issues. `$10` to `$20` are the issues. */
export const STORE_NEW = `
  WITH new AS MATERIALIZED (
    SELECT * FROM unnest($10::text[], $11::timestamptz[], $12::timestamptz[], $13::bigint[], $14::text[], $15::text[],
                         $16::text[], $17::text[], $18::jsonb[], $19::text[], $20::text[])
      AS new (group_id, first_seen, last_seen, events, project_id, message, log_message, module, stack_frames, first_release,
              environment)
  ), created AS (
    INSERT INTO issues AS other
      (group_id, first_seen, last_seen, project_id, message, log_message, module, stack_frames, first_release, environment)
    SELECT group_id, first_seen, last_seen, project_id, message, log_message, module, stack_frames, first_release, environment
    FROM new ORDER BY group_id COLLATE "C"
    -- Another worker has created the issue in the meantime.
    ON CONFLICT (group_id) DO UPDATE SET first_seen = least(other.first_seen, excluded.first_seen)
    RETURNING id, group_id
  ), issue AS MATERIALIZED (
    SELECT created.id, group_id, new.last_seen, new.events FROM created JOIN new USING (group_id)
  ), ${EVENTS_OF_ISSUES}
  SELECT group_id FROM new WHERE false`;
