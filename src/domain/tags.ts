import type { JsonRecord } from './json.ts';
import { isRecord, nonEmptyText } from './json.ts';
import { cleanText } from './privacy.ts';
import { folded, storable } from './text.ts';

/** The tags of an event that are kept: a closed list, which names no user. */
export const TAGS = ['release', 'environment', 'browser', 'os'] as const;

export type Tag = (typeof TAGS)[number];

/** In answers, this value sums up the values after the twenty most frequent. */
export const OTHER = '(other)';

export function isTag(value: unknown): value is Tag {
  return (TAGS as readonly unknown[]).includes(value);
}

/** An event's tags; null if the event doesn't have the tag. */
export type Tags = Readonly<Record<Tag, string | null>>;

/** Characters of a value, in UTF-16 units; a cut shows as `…`. */
export const MAX_TAG_VALUE = 100;

/** The tags of every event if no tags are stored (`EVENT_TAGS` is empty). */
export const NO_TAGS: Tags = { release: null, environment: null, browser: null, os: null };

/**
 * Reads the tags of an event: from Sentry's tags, else from the contexts that Sentry derives them from.
 * @param kept the tags to read; all other tags become null
 */
export function readTags(json: JsonRecord, kept: readonly Tag[] = TAGS): Tags {
  if (kept.length === 0) return NO_TAGS;
  const tags = tagsByKey(json.tags);
  const contexts = isRecord(json.contexts) ? json.contexts : {};
  const keep = (tag: Tag, value: string | null | undefined) =>
    kept.includes(tag) ? bounded(value ?? null) : null;
  return {
    release: keep('release', tags.get('release') ?? tags.get('sentry:release')),
    environment: keep('environment', tags.get('environment')),
    browser: keep('browser', browserOf(tags, record(contexts.browser))),
    os: keep('os', osOf(tags, record(contexts.os), record(contexts.client_os))),
  };
}

const WANTED = new Set([
  'release',
  'sentry:release',
  'environment',
  'browser',
  'browser.name',
  'os',
  'os.name',
]);

function tagsByKey(list: unknown): Map<string, string> {
  const tags = new Map<string, string>();
  for (const tag of Array.isArray(list) ? list : []) {
    if (!isRecord(tag) || typeof tag.key !== 'string' || !WANTED.has(tag.key)) continue;
    const value = nonEmptyText(tag.value);
    if (value !== null && !tags.has(tag.key)) tags.set(tag.key, value);
  }
  return tags;
}

function record(value: unknown): JsonRecord {
  return isRecord(value) ? value : {};
}

/** Name and major version: `Firefox 140` of the tag `Firefox 140.0.1`. */
function browserOf(tags: ReadonlyMap<string, string>, context: JsonRecord): string | null {
  const tag = tags.get('browser');
  if (tag !== undefined) return withMajor(tag);
  const name = tags.get('browser.name') ?? nonEmptyText(context.name);
  if (name === null) return null;
  const major = /^\s*(\d{1,9})/.exec(nonEmptyText(context.version)?.slice(0, MAX_TAG_VALUE) ?? '')?.[1];
  return major === undefined ? name : `${name} ${major}`;
}

/** The name alone: `Windows` of the tag `Windows 10`. */
function osOf(tags: ReadonlyMap<string, string>, os: JsonRecord, clientOs: JsonRecord): string | null {
  const name = tags.get('os.name') ?? nonEmptyText(os.name);
  if (name !== null) return name;
  const tag = tags.get('os');
  return tag === undefined ? nonEmptyText(clientOs.name) : tag.slice(0, MAX_TEXT).replace(VERSION, '');
}

/** Longer values are cut before they are searched: the text is untrusted, and may be a megabyte. */
const MAX_TEXT = 1_000;
const VERSION = /\s+v?\d[\w.+-]*\s*$/;

function withMajor(text: string): string {
  return text.slice(0, MAX_TEXT).replace(/(\s\d{1,9})\.[\w.+-]*\s*$/, '$1');
}

function bounded(value: string | null): string | null {
  return value === null ? null : storable(cleanText(folded(value, MAX_TEXT)), MAX_TAG_VALUE) || null;
}
