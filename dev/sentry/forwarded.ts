import type { JsonRecord } from '../../src/domain/json.ts';
import { nonEmptyText } from '../../src/domain/json.ts';
import { entriesOf } from './entries.ts';
import type { Group } from './grouping.ts';
import { groupOf, titleOf } from './grouping.ts';
import { frames, logMessage, record, text, thrownException } from './json.ts';

export interface Receipt {
  readonly projectId: string;
  /** Sentry's clock. */
  readonly receivedAt: Date;
  /** For users whose address the SDK leaves to the server: `{{auto}}`. */
  readonly remoteAddress: string | undefined;
  /** The event's size as it was sent, in bytes. */
  readonly size: number;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** The keys that tests and readers look at; the others are as facts.md lists them. */
export interface ForwardedEvent extends JsonRecord {
  readonly eventID: string;
  readonly groupID: string;
  readonly title: string;
  readonly tags: readonly Tag[];
}

/** Turns an SDK's event into the one that Sentry's SQS forwarder sends: from snake_case to the API serializer's shape. */
export function forwardedEvent(event: JsonRecord, eventId: string, receipt: Receipt): ForwardedEvent {
  const group = groupOf(event, receipt.projectId);
  const user = userOf(event, receipt.remoteAddress);
  const crash = frames(thrownException(event)).at(-1);
  return {
    id: eventId,
    eventID: eventId,
    groupID: group.id,
    projectID: receipt.projectId,
    size: receipt.size,
    entries: entriesOf(event),
    dist: text(event.dist),
    message: logMessage(event),
    title: titleOf(event),
    location: crash === undefined ? null : (text(crash.filename) ?? text(crash.abs_path)),
    culprit: culpritOf(event, crash),
    user,
    contexts: record(event.contexts),
    sdk:
      event.sdk === undefined
        ? null
        : { name: text(record(event.sdk).name), version: text(record(event.sdk).version) },
    context: record(event.extra),
    packages: record(event.modules),
    type: thrownException(event) === undefined ? 'default' : 'error',
    metadata: metadataOf(event, crash),
    tags: tagsOf(event, user),
    platform: text(event.platform) ?? 'other',
    dateReceived: sentryDate(receipt.receivedAt),
    dateCreated: sentryDate(createdAt(event) ?? receipt.receivedAt),
    errors: [],
    occurrence: null,
    crashFile: null,
    ...fingerprints(group),
    _meta: {
      entries: {},
      message: null,
      user: null,
      contexts: null,
      sdk: null,
      context: null,
      packages: null,
      tags: {},
    },
  };
}

function fingerprints(group: Group): JsonRecord {
  return { fingerprints: [group.hash], groupingConfig: { id: 'bec-alerts-stand-in', enhancements: '' } };
}

/** Python's isoformat: microseconds, and none of them on a whole second. */
export function sentryDate(date: Date): string {
  const iso = date.toISOString();
  return date.getMilliseconds() === 0 ? iso.replace('.000Z', 'Z') : iso.replace('Z', '000Z');
}

/** SDKs send seconds since 1970 or ISO 8601; the date is by the browser's clock. */
function createdAt(event: JsonRecord): Date | null {
  const { timestamp } = event;
  const date = new Date(
    typeof timestamp === 'number' ? timestamp * 1_000 : (nonEmptyText(timestamp) ?? Number.NaN),
  );
  return Number.isNaN(date.getTime()) || Math.abs(date.getUTCFullYear()) > 9_999 ? null : date;
}

function culpritOf(event: JsonRecord, crash: JsonRecord | undefined): string | null {
  const transaction = text(event.transaction);
  if (transaction !== null || crash === undefined) return transaction;
  return `${text(crash.function) ?? '?'}(${text(crash.module) ?? text(crash.filename) ?? '?'})`;
}

function metadataOf(event: JsonRecord, crash: JsonRecord | undefined): JsonRecord {
  const thrown = thrownException(event);
  if (thrown === undefined) return { title: titleOf(event) };
  return {
    type: text(thrown.type) ?? 'Error',
    value: text(thrown.value) ?? '',
    filename: text(crash?.filename),
    function: text(crash?.function),
  };
}

function userOf(event: JsonRecord, remoteAddress: string | undefined): JsonRecord | null {
  const { id, email, username, ip_address, name, geo, data } = record(event.user);
  const address = ip_address === '{{auto}}' ? remoteAddress : ip_address;
  const user = {
    id: text(id),
    email: text(email),
    username: text(username),
    ip_address: text(address),
    name: text(name),
  };
  if (Object.values(user).every((value) => value === null)) return null;
  return { ...user, geo: geo ?? null, data: data ?? null };
}

/** Sorted by key, as Sentry's API does. */
function tagsOf(event: JsonRecord, user: JsonRecord | null): Tag[] {
  const mechanism = record(thrownException(event)?.mechanism);
  const runtime = record(record(event.contexts).runtime);
  const tags = new Map<string, string>(ownTags(event));
  const derived: Readonly<Record<string, unknown>> = {
    level: event.level ?? 'error',
    environment: event.environment,
    release: event.release,
    dist: event.dist,
    server_name: event.server_name,
    transaction: event.transaction,
    mechanism: mechanism.type,
    handled: mechanism.handled === undefined ? undefined : mechanism.handled === true ? 'yes' : 'no',
    'runtime.name': runtime.name,
    user: user === null ? undefined : userTag(user),
  };
  for (const [key, value] of Object.entries(derived)) {
    const shown = text(value);
    if (shown !== null) tags.set(key, shown);
  }
  return [...tags].map(([key, value]) => ({ key, value })).sort((a, b) => (a.key < b.key ? -1 : 1));
}

function* ownTags(event: JsonRecord): Iterable<[string, string]> {
  const pairs = Array.isArray(event.tags) ? event.tags : Object.entries(record(event.tags));
  for (const pair of pairs) {
    const [key, value] = Array.isArray(pair)
      ? pair.map(text)
      : [text(record(pair).key), text(record(pair).value)];
    if (typeof key === 'string' && typeof value === 'string') yield [key, value];
  }
}

/** The first of these that is set identifies the user for Sentry. */
function userTag(user: JsonRecord): string | null {
  const { id, username, email, ip_address } = user;
  if (id !== null) return `id:${id}`;
  if (username !== null) return `username:${username}`;
  if (email !== null) return `email:${email}`;
  return ip_address === null ? null : `ip:${ip_address}`;
}
