import { orDatabaseError } from './errors.ts';
import type { Db } from './pool.ts';

/** Part of the message of each canary. An index of `issues` has the same text in its condition. */
export const CANARY = 'bec-alerts-canary';

/**
 * The canaries that are counted, though not marked yet. An hour's set that contains an event doesn't change when the
 * event is added. A set of up to 150 events is exact, and an hour has 120 canaries at most. Anybody can send an event
 * with the text of a canary, but nobody else knows its id. Sentry's clock may be an hour behind.
 */
const COUNTED = `
  SELECT canaries.id, issues.id AS issue_id
  FROM canaries JOIN issues ON message LIKE '%${CANARY}%'
  JOIN issue_hours ON issue_hours.issue_id = issues.id AND hour >= date_trunc('hour', sent_at, 'UTC') - interval '1 hour'
  WHERE counted_at IS NULL AND hll_add(event_set, hll_hash_text(event_id)) = event_set`;

/** The issues of canaries that are marked as counted. */
export const KNOWN_CANARY_ISSUES = 'SELECT issue_id FROM canaries WHERE issue_id IS NOT NULL';

/** All issues of canaries. A canary is stored before it is sent, so a snapshot that has its event has the canary too. */
export const CANARY_ISSUES = `${KNOWN_CANARY_ISSUES} UNION ALL SELECT issue_id FROM (${COUNTED}) AS counted`;

export interface Claim {
  /** The event to send; null if another watcher sends it, or has sent it. */
  readonly eventId: string | null;
  /** Until the next canary is due. */
  readonly nextInMilliseconds: number;
}

/**
 * Stores the canary that is due, for sending it. If Sentry did not accept it before, it is sent again. Watchers on one
 * database share the times, so only one of them gets a canary.
 * @throws CodedError
 */
export async function claimCanary(db: Db, eventId: string, intervalSeconds: number): Promise<Claim> {
  const query = db.query<Claim>({
    text: `WITH again AS (
             UPDATE canaries SET refused = NULL
             WHERE due_at = ${DUE_AT} AND refused IS NOT NULL
             RETURNING event_id
           ), first AS (
             INSERT INTO canaries (due_at, interval_seconds, event_id)
             SELECT ${DUE_AT}, $2, $1 ON CONFLICT (due_at) DO NOTHING
             RETURNING event_id
           )
           SELECT (SELECT event_id FROM again UNION ALL SELECT event_id FROM first) AS "eventId",
                  extract(epoch FROM ${DUE_AT} - now())::float8 * 1000 + $2 * 1000 AS "nextInMilliseconds"`,
    values: [eventId, intervalSeconds],
  });
  const { rows } = await orDatabaseError('storing a canary', query);
  return rows[0] ?? { eventId: null, nextInMilliseconds: intervalSeconds * 1_000 };
}

/** The last time at which a canary was due. */
const DUE_AT = 'to_timestamp(floor(extract(epoch FROM now()) / $2::integer) * $2::integer)';

/** @param reason must be storable */
export async function markRefused(db: Db, eventId: string, reason: string): Promise<void> {
  const query = db.query({
    text: 'UPDATE canaries SET refused = $2 WHERE event_id = $1',
    values: [eventId, reason],
  });
  await orDatabaseError('storing why a canary was refused', query);
}

/** @param reason must be storable */
export async function markEmailRefused(db: Db, id: string, reason: string): Promise<void> {
  const query = db.query({
    text: 'UPDATE canaries SET email_refused = $2 WHERE id = $1',
    values: [id, reason],
  });
  await orDatabaseError('storing why the email of a canary was refused', query);
}

export interface CountedCanary {
  readonly id: string;
  /** From sending it for the first time until now, by the database's clock. */
  readonly delayMilliseconds: number;
}

/** Marks the canaries that are counted. @returns those that this call marked, so each is returned once */
export async function markCounted(db: Db): Promise<CountedCanary[]> {
  const query = db.query<CountedCanary>({
    text: `UPDATE canaries SET counted_at = clock_timestamp(), issue_id = counted.issue_id, refused = NULL
           FROM (${COUNTED}) AS counted WHERE canaries.id = counted.id AND counted_at IS NULL
           RETURNING canaries.id, extract(epoch FROM counted_at - sent_at)::float8 * 1000 AS "delayMilliseconds"`,
  });
  return (await orDatabaseError('looking for canaries that are counted', query)).rows;
}

/** The state of the canaries that were sent lately. */
export interface CanaryState {
  /** The last one that was counted; null if none ever was. */
  readonly counted: {
    readonly ageSeconds: number;
    readonly delaySeconds: number;
    readonly emailRefused: string | null;
  } | null;
  /** Those sent after it, which are not counted; null if each is counted. */
  readonly waiting: {
    /** Since the first of them was sent. */
    readonly ageSeconds: number;
    /** Why Sentry did not accept the last of them; null if it did, or has not answered yet. */
    readonly refused: string | null;
  } | null;
}

/** Canaries may be missing for this long before they count as switched off: two intervals and five minutes. */
const SWITCHED_OFF = "last.interval_seconds * interval '2 seconds' + interval '5 minutes'";

/** @returns null if no watcher sends canaries @throws CodedError */
export async function canaryState(db: Db): Promise<CanaryState | null> {
  interface Row {
    readonly counted_age: number | null;
    readonly delay: number | null;
    readonly email_refused: string | null;
    readonly waiting_age: number | null;
    readonly refused: string | null;
  }
  const query = db.query<Row>({
    text: `WITH last AS (
             SELECT * FROM canaries ORDER BY due_at DESC LIMIT 1
           ), counted AS (
             SELECT * FROM canaries WHERE counted_at IS NOT NULL ORDER BY due_at DESC LIMIT 1
           ), waiting AS (
             SELECT min(sent_at) AS since FROM canaries
             WHERE counted_at IS NULL AND due_at > coalesce((SELECT due_at FROM counted), '-infinity')
           )
           SELECT ${ageOf('counted.counted_at')} AS counted_age,
                  extract(epoch FROM counted.counted_at - counted.sent_at)::float8 AS delay, counted.email_refused,
                  ${ageOf('waiting.since')} AS waiting_age, last.refused
           FROM last CROSS JOIN waiting LEFT JOIN counted ON true
           WHERE clock_timestamp() - last.due_at < ${SWITCHED_OFF}`,
  });
  const { rows } = await orDatabaseError('asking for the state of the canaries', query);
  const [row] = rows;
  if (row === undefined) return null;
  const { counted_age, delay, email_refused, waiting_age, refused } = row;
  return {
    counted:
      counted_age === null || delay === null
        ? null
        : { ageSeconds: counted_age, delaySeconds: delay, emailRefused: email_refused },
    waiting: waiting_age === null ? null : { ageSeconds: waiting_age, refused },
  };
}

function ageOf(time: string): string {
  return `extract(epoch FROM clock_timestamp() - ${time})::float8`;
}
