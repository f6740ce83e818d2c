import { createHash } from 'node:crypto';
import type { ErrorEvent } from '../domain/event.ts';
import { NO_TAGS } from '../domain/tags.ts';
import { plural } from '../domain/text.ts';
import { dayNumber } from '../domain/time.ts';
import type { CodedError } from '../runtime/errors.ts';
import { databaseError } from './errors.ts';
import { STORE_KNOWN, STORE_NEW } from './events-sql.ts';
import type { Db } from './pool.ts';
import { withAdvice } from './readiness.ts';

/**
 * Folds events into their issues and buckets; committed when the promise resolves. Nearly every event belongs to a known
 * issue, so the first statement sends no text of issues. The database returns the issues that it doesn't know, and a
 * second statement stores their events. All sets are keyed, so storing an event again doesn't change the counts.
 * @throws CodedError `database_refused` if Postgres refuses the data of one statement; that statement stored nothing
 */
export async function storeEvents(db: Db, events: readonly ErrorEvent[]): Promise<void> {
  const operation = `storing ${plural(events.length, 'event')}`;
  const unknown = new Set(await put(db, 'store-known', knownStatement(events), operation));
  if (unknown.size === 0) return;
  const first = events.filter(({ groupId }) => unknown.has(groupId));
  await put(db, 'store-new', newStatement(first), operation);
}

/**
 * Checks whether events can be stored. It stores an empty batch, which Postgres refuses if the database is read-only, a
 * table is locked or missing, or a right is revoked. It doesn't notice errors that depend on the row, such as a full disk.
 * @throws CodedError
 */
export async function checkStore(db: Db): Promise<void> {
  await put(db, 'store-new', newStatement([]), 'asking the database to store').catch(
    async (error: CodedError) => {
      throw await withAdvice(db, error);
    },
  );
}

/** @returns the group ids that the statement returns */
async function put(db: Db, name: string, statement: StoreStatement, operation: string): Promise<string[]> {
  try {
    const { rows } = await db.query<{ group_id: string }>({ name, ...statement });
    return rows.map((row) => row.group_id);
  } catch (error) {
    throw databaseError(operation, error);
  }
}

export interface StoreStatement {
  readonly text: string;
  /** One array for each parameter: nine columns of the events, then those of the issues. */
  readonly values: (string | null)[][];
}

/** The statement that stores events of known issues. */
export function knownStatement(events: readonly ErrorEvent[]): StoreStatement {
  return { text: STORE_KNOWN, values: [...eventColumns(events), ...activityColumns(foldIssues(events))] };
}

/** The statement that stores events with the text of their issues. */
export function newStatement(events: readonly ErrorEvent[]): StoreStatement {
  const issues = foldIssues(events);
  const first = <K extends keyof ErrorEvent>(key: K) => issues.map((issue) => issue.first[key]);
  return {
    text: STORE_NEW,
    values: [
      ...eventColumns(events),
      ...activityColumns(issues),
      first('projectId'),
      first('message'),
      first('logMessage'),
      first('module'),
      issues.map((issue) => JSON.stringify(issue.first.stackFrames)),
      issues.map((issue) => issue.first.tags.release),
      issues.map((issue) => issue.first.tags.environment),
    ],
  };
}

function eventColumns(events: readonly ErrorEvent[]): (string | null)[][] {
  return [
    events.map((event) => event.groupId),
    events.map((event) => event.receivedAt.toISOString()),
    events.map((event) => event.eventId),
    events.map((event) => (event.user === null ? null : hashOfUser(event.user))),
    events.map((event) => event.tags.release),
    events.map((event) => event.tags.environment),
    events.map((event) => event.tags.browser),
    events.map((event) => event.tags.os),
    events.map((event) => String(event.tags !== NO_TAGS)),
  ];
}

function activityColumns(issues: readonly FoldedIssue[]): string[][] {
  return [
    issues.map((issue) => issue.first.groupId),
    issues.map((issue) => issue.firstSeen.toISOString()),
    issues.map((issue) => issue.lastSeen.toISOString()),
    issues.map((issue) => String(issue.events)),
  ];
}

interface FoldedIssue {
  /** The event received first. A new issue gets its text. */
  readonly first: ErrorEvent;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** Number of events on the UTC day of `lastSeen`. */
  readonly events: number;
}

function foldIssues(events: readonly ErrorEvent[]): FoldedIssue[] {
  const issues = new Map<string, FoldedIssue>();
  for (const event of events) {
    const at = event.receivedAt;
    const known = issues.get(event.groupId);
    const days = known === undefined ? 1 : dayNumber(at) - dayNumber(known.lastSeen);
    const before = known?.events ?? 0;
    issues.set(event.groupId, {
      first: known?.first ?? event,
      firstSeen: known !== undefined && known.firstSeen < at ? known.firstSeen : at,
      lastSeen: known !== undefined && known.lastSeen > at ? known.lastSeen : at,
      events: days > 0 ? 1 : days === 0 ? before + 1 : before,
    });
  }
  return [...issues.values()];
}

// The user's identity doesn't leave this process, not even into Postgres's log. Never change this hash: sets of two
// kinds of hashes can't be merged.
function hashOfUser(user: string): string {
  return createHash('sha256').update(user).digest('base64url');
}
