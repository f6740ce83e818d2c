import { createHash } from 'node:crypto';
import type { ErrorEvent } from '../domain/event.ts';
import { plural } from '../domain/text.ts';
import { utcDay } from '../domain/time.ts';
import { databaseError } from './errors.ts';
import type { Db } from './pool.ts';

/**
 * Folds events into their issues and buckets: one statement, committed when the promise resolves. Both sets are
 * keyed, so the same event may be stored again without effect on the counts.
 * @throws CodedError `database_refused` where Postgres refuses the data: nothing of the batch was stored
 */
export async function storeEvents(db: Db, events: readonly ErrorEvent[]): Promise<void> {
  await put(db, events, `storing ${plural(events.length, 'event')}`);
}

/**
 * Whether events can be stored. Stores an empty batch, which Postgres refuses if the database is read-only, a table
 * locked or missing, or a right revoked. It doesn't notice errors that depend on the row, such as a full disk.
 * @throws CodedError
 */
export async function checkStore(db: Db): Promise<void> {
  await put(db, [], 'asking the database to store');
}

async function put(db: Db, events: readonly ErrorEvent[], operation: string): Promise<void> {
  try {
    await db.query({ name: 'store-events', ...storeStatement(events) });
  } catch (error) {
    throw databaseError(operation, error);
  }
}

export interface StoreStatement {
  readonly text: string;
  /** One array for each parameter: seven columns of the issues, four of the events. */
  readonly values: (string | null)[][];
}

/** The statement that stores these events. */
export function storeStatement(events: readonly ErrorEvent[]): StoreStatement {
  const issues = [...foldIssues(events).values()];
  return {
    text: STORE_EVENTS,
    values: [
      issues.map((issue) => issue.first.groupId),
      issues.map((issue) => issue.first.projectId),
      issues.map((issue) => issue.first.message),
      issues.map((issue) => issue.first.module),
      issues.map((issue) => JSON.stringify(issue.first.stackFrames)),
      issues.map((issue) => issue.firstSeen.toISOString()),
      issues.map((issue) => issue.lastSeen.toISOString()),
      events.map((event) => event.groupId),
      events.map((event) => utcDay(event.receivedAt)),
      events.map((event) => event.eventId),
      events.map((event) => (event.user === null ? null : hashOfUser(event.user))),
    ],
  };
}

interface FoldedIssue {
  /** The event received first: the text of a new issue is its. */
  readonly first: ErrorEvent;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
}

function foldIssues(events: readonly ErrorEvent[]): Map<string, FoldedIssue> {
  const issues = new Map<string, FoldedIssue>();
  for (const event of events) {
    const at = event.receivedAt;
    const known = issues.get(event.groupId);
    issues.set(event.groupId, {
      first: known?.first ?? event,
      firstSeen: known !== undefined && known.firstSeen < at ? known.firstSeen : at,
      lastSeen: known !== undefined && known.lastSeen > at ? known.lastSeen : at,
    });
  }
  return issues;
}

// The user's identity doesn't leave this process, not even into Postgres's log. Never to be changed: sets of two
// kinds of hashes can't be merged.
function hashOfUser(user: string): string {
  return createHash('sha256').update(user).digest('base64url');
}

/**
 * One upsert for each row touched. Rows are locked in a fixed order, issues by group id and then, under the issues'
 * locks, their buckets, so that workers can't deadlock. hll(11,5,-1,1) must match the columns' type.
 */
const STORE_EVENTS = `
  WITH issue AS (
    INSERT INTO issues AS known
      (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
    SELECT new.*, pg_current_xact_id()
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[], $7::timestamptz[])
      AS new (group_id, project_id, message, module, stack_frames, first_seen, last_seen)
    ORDER BY new.group_id COLLATE "C"
    ON CONFLICT (group_id) DO UPDATE SET
      first_seen = least(known.first_seen, excluded.first_seen),
      last_seen = greatest(known.last_seen, excluded.last_seen),
      changed_in = excluded.changed_in
    RETURNING id, group_id
  )
  INSERT INTO issue_buckets AS known (issue_id, date, event_set, user_set)
  SELECT
    issue.id,
    event.date,
    hll_add_agg(hll_hash_text(event.id), 11, 5, -1, 1),
    coalesce(
      hll_add_agg(hll_hash_text(event.user_hash), 11, 5, -1, 1) FILTER (WHERE event.user_hash IS NOT NULL),
      hll_empty(11, 5, -1, 1))
  FROM unnest($8::text[], $9::date[], $10::text[], $11::text[]) AS event (group_id, date, id, user_hash)
  JOIN issue USING (group_id)
  GROUP BY issue.id, event.date
  ORDER BY issue.id, event.date
  ON CONFLICT (issue_id, date) DO UPDATE SET
    event_set = hll_union(known.event_set, excluded.event_set),
    user_set = hll_union(known.user_set, excluded.user_set)`;
