import { readException } from './exception.ts';
import type { StackFrame } from './issue.ts';
import type { JsonRecord } from './json.ts';
import { isRecord, nonEmptyText } from './json.ts';
import type { Rejection, RejectionReason } from './rejection.ts';
import { keepFrames, stackFrames } from './stack.ts';
import type { Tag, Tags } from './tags.ts';
import { readTags, TAGS } from './tags.ts';
import { storable } from './text.ts';
import { instant } from './time.ts';
import { readTitle } from './title.ts';

/** One error as Sentry forwards it, reduced to the aggregated fields. All text is bounded and storable. */
export interface ErrorEvent {
  readonly eventId: string;
  readonly groupId: string;
  readonly projectId: string;
  readonly message: string;
  /** The log message, where the exception is the message. Empty without one. */
  readonly logMessage: string;
  readonly module: string;
  readonly stackFrames: readonly StackFrame[];
  readonly receivedAt: Date;
  /** Sentry's identity of the affected user, such as `id:42`; null if nobody is named. Never stored. */
  readonly user: string | null;
  readonly tags: Tags;
}

export type ParsedEvent = { readonly event: ErrorEvent } | { readonly rejection: Rejection };

/**
 * The most that is stored of one event, in UTF-16 units of up to 3 bytes; a cut shows as `…`. With 51 frames of two
 * texts of 200 that is 74 KB in Postgres before compression, whatever was sent (MAX_STORED_BYTES; a test holds it).
 */
export const MAX_MESSAGE = 1_000;
export const MAX_MODULE = 300;
/** Longer ids are refused, not cut: two that begin alike would be counted as one. */
export const MAX_ID = 128;
/** Of an issue's row, as text and jsonb are before compression. A bucket's two sets are at most 1,290 bytes each. */
export const MAX_STORED_BYTES = 76_000;

/**
 * Reads the body of an SQS message. Every field is untrusted: a field of the wrong type counts as absent. Only fields
 * that aggregation needs reject the message.
 * @param sentAt when the message entered the queue: the event's date if it is missing or far ahead
 * @param tags the tags to store; default all
 */
export function parseEvent(body: string, sentAt: Date, tags: readonly Tag[] = TAGS): ParsedEvent {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return reject('invalid_json', 'the body is not JSON');
  }
  if (!isRecord(json)) return reject('not_an_object', 'the body is JSON, but not an object');

  const eventId = nonEmptyText(json.eventID) ?? nonEmptyText(json.id);
  if (eventId === null) return reject('missing_event_id', 'neither eventID nor id holds text');
  const badEventId = faultOfId(eventId);
  if (badEventId !== null) return reject('invalid_event_id', `eventID ${badEventId}`);

  const groupId = identifier(json.groupID);
  if (groupId === null) return reject('missing_group_id', 'groupID holds neither text nor an integer');
  const badGroupId = faultOfId(groupId);
  if (badGroupId !== null) return reject('invalid_group_id', `groupID ${badGroupId}`);

  const receivedAt = dateOf(json, sentAt);
  if (typeof receivedAt === 'string') return reject('invalid_date', receivedAt);

  const exception = readException(json);
  const title = readTitle(json, exception, MAX_MESSAGE);
  if (title === null) return reject('missing_message', 'message, title, exception and culprit are all empty');

  const frames = keepFrames(exception.frames);
  return {
    event: {
      eventId,
      groupId,
      projectId: storable(identifier(json.projectID) ?? '', MAX_ID),
      ...title,
      module: storable(exception.module ?? '', MAX_MODULE),
      // Kept for the first event of an issue only, so only then is it worth the work.
      get stackFrames() {
        return stackFrames(frames);
      },
      receivedAt,
      user: affectedUser(json),
      tags: readTags(json, tags),
    },
  };
}

function reject(reason: RejectionReason, detail: string): { rejection: Rejection } {
  return { rejection: { reason, detail } };
}

// Control, format and half characters: an id with one is invalid, and replacing it could make two ids one.
const NOT_IN_AN_ID = /[\p{Cc}\p{Cf}\p{Cs}]/u;

/** The fault of the id, null without one: an id is stored, compared and logged as it is. */
function faultOfId(id: string): string | null {
  if (id.length > MAX_ID) return `is longer than ${MAX_ID}`;
  return NOT_IN_AN_ID.test(id) ? 'holds control characters or half a character' : null;
}

/** Text as it is, an exact integer as its decimal string: older Sentry sent numbers. */
function identifier(value: unknown): string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : null;
  return nonEmptyText(value);
}

/** A later date comes from a wrong clock: its bucket would count in every window until it came, and never be pruned. */
const FURTHEST_AHEAD_MILLISECONDS = 24 * 60 * 60 * 1_000;

/** The date by the clock of Sentry, else of the browser, else of the queue; or a text that names the unusable date. */
function dateOf(json: JsonRecord, sentAt: Date): Date | string {
  for (const field of ['dateReceived', 'dateCreated'] as const) {
    const value = json[field];
    if (value === null || value === undefined || value === '') continue;
    const date = typeof value === 'string' ? instant(value) : null;
    if (date === null) return `${field} is not an ISO 8601 date and time`;
    return date.getTime() - sentAt.getTime() > FURTHEST_AHEAD_MILLISECONDS ? sentAt : date;
  }
  return sentAt;
}

/**
 * Sentry's own order: the `user` tag, else id, username, email, ip_address in the tag's form
 * (`sentry.utils.eventuser` and `sentry/interfaces/user.py`).
 */
function affectedUser(json: JsonRecord): string | null {
  const tags = Array.isArray(json.tags) ? json.tags : [];
  for (const tag of tags) {
    if (isRecord(tag) && tag.key === 'user') {
      const value = nonEmptyText(tag.value);
      if (value !== null) return value;
    }
  }
  const user = isRecord(json.user) ? json.user : {};
  return (
    labelled('id', user.id) ??
    labelled('username', user.username) ??
    labelled('email', user.email) ??
    labelled('ip', user.ip_address)
  );
}

function labelled(label: string, value: unknown): string | null {
  const text = identifier(value);
  return text === null ? null : `${label}:${text}`;
}
