import type { JsonRecord } from './json.ts';
import { isRecord, nonEmptyText } from './json.ts';
import type { Frames } from './stack.ts';
import { crashModule, framesElsewhere, framesOf, placeIn } from './stack.ts';
import { folded } from './text.ts';

/** The exception that an event is about. */
export interface ThrownException {
  readonly type: string | null;
  readonly value: string | null;
  /** Where it was thrown; null if unknown. */
  readonly module: string | null;
  /** From the oldest call to the crash site. */
  readonly frames: Frames;
}

/** Characters of a type or a value that are read, in UTF-16 units. */
const MAX_READ = 8_000;
/** On these platforms, `exception.module` is the module of the exception's class, and not where it was thrown. */
const MODULE_OF_CLASS: ReadonlySet<unknown> = new Set([
  'java',
  'groovy',
  'kotlin',
  'csharp',
  'dotnet',
  'python',
]);

/** Reads the exception in Sentry's title of the event, and its stack. Without an exception, it reads only the stack. */
export function readException(json: JsonRecord): ThrownException {
  const entries = Array.isArray(json.entries) ? json.entries.filter(isRecord) : [];
  const data = entries.find(({ type }) => type === 'exception')?.data;
  const thrown = isRecord(data) ? titledException(data, json) : null;
  const own = thrown === null ? [] : framesOf(thrown);
  const frames = own.length > 0 ? own : framesElsewhere(entries);
  return {
    type: textOf(thrown?.type),
    value: textOf(thrown?.value),
    module: moduleOf(thrown, frames, json.platform),
    frames,
  };
}

/** `type: value` on one line, or the one that isn't missing; null without an exception. */
export function describeException({ type, value }: ThrownException): string | null {
  return type !== null && value !== null ? `${type}: ${value}` : (type ?? value);
}

function textOf(value: unknown): string | null {
  const text = nonEmptyText(value);
  return text === null ? null : folded(text, MAX_READ);
}

function moduleOf(thrown: JsonRecord | null, frames: Frames, platform: unknown): string | null {
  const named = placeIn(thrown?.module);
  return MODULE_OF_CLASS.has(platform) ? (crashModule(frames) ?? named) : (named ?? crashModule(frames));
}

/**
 * The exception that Sentry's title names, according to `metadata` and `title`. Without them it is the one that Sentry
 * would choose: the last of `values`, which was thrown last. For a group it is the only exception that the group wraps.
 * In very old events, the exception itself is in place of `values`.
 */
function titledException(data: JsonRecord, json: JsonRecord): JsonRecord | null {
  if (!Array.isArray(data.values)) return data;
  const values = data.values.filter(isRecord);
  const metadata = isRecord(json.metadata) ? json.metadata : {};
  return (
    byMetadata(values, textOf(metadata.type), textOf(metadata.value)) ??
    byTitle(values, textOf(json.title)) ??
    onlyOneOfGroup(values) ??
    values.at(-1) ??
    null
  );
}

function byMetadata(
  values: readonly JsonRecord[],
  type: string | null,
  value: string | null,
): JsonRecord | null {
  if (type === null && value === null) return null;
  return exactOrCut(
    values,
    (one, same) =>
      (type === null || same(type, textOf(one.type) ?? 'Error')) &&
      (value === null ? textOf(one.value) === null : same(value, textOf(one.value) ?? '')),
  );
}

function byTitle(values: readonly JsonRecord[], title: string | null): JsonRecord | null {
  if (title === null) return null;
  return exactOrCut(values, (one, same) => {
    const [type, value] = [textOf(one.type), textOf(one.value)];
    if (type === null) return value !== null && same(title, value);
    return title === type ? value === null : same(title, `${type}: ${value ?? ''}`.trim());
  });
}

/** The last value whose text is the same; without one, the last value whose text Sentry may have cut. */
function exactOrCut(
  values: readonly JsonRecord[],
  matches: (one: JsonRecord, same: (text: string, whole: string) => boolean) => boolean,
): JsonRecord | null {
  const isSame = (text: string, whole: string) => text === whole;
  return (
    values.findLast((one) => matches(one, isSame)) ?? values.findLast((one) => matches(one, isCutOf)) ?? null
  );
}

/** Whether Sentry's text is the start of the whole text. Sentry uses the first line, and ends a cut line with `...`. */
export function isCutOf(text: string, whole: string): boolean {
  const start = text.replace(/\s*(?:\.\.\.|…)$/, '');
  return start === '' ? whole === '' : whole.startsWith(start);
}

/** How deep and wide a tree of exceptions is followed. */
const MOST_IN_GROUP = 100;

/**
 * Sentry's rule for groups such as AggregateError. It collects the exceptions that the group wraps, and opens the groups
 * among them. If all these exceptions are alike, it chooses the first.
 * Sentry has it in sentry/grouping/strategies/newstyle.py, filter_exceptions_for_exception_groups.
 */
function onlyOneOfGroup(values: readonly JsonRecord[]): JsonRecord | null {
  const nodes = values.slice(-MOST_IN_GROUP).map((value) => {
    const mechanism = isRecord(value.mechanism) ? value.mechanism : {};
    const { exception_id: id, parent_id: parent, is_exception_group: isGroup } = mechanism;
    return { value, id, parent, isGroup: isGroup === true };
  });
  const root = nodes.find(({ id, parent }) => id !== undefined && id !== null && (parent ?? null) === null);
  if (root === undefined || !root.isGroup) return null;
  const seen = new Set<unknown>();
  const open = (group: (typeof nodes)[number]): JsonRecord[] => {
    if (seen.has(group.id)) return [];
    seen.add(group.id);
    const children = nodes.filter(({ parent }) => parent === group.id);
    return children.flatMap((child) => (child.isGroup ? open(child) : [child.value]));
  };
  const wrapped = open(root);
  const kinds = new Set(wrapped.map(({ type, value }) => `${textOf(type)}\n${textOf(value)}`));
  return kinds.size === 1 ? (wrapped[0] ?? null) : null;
}
