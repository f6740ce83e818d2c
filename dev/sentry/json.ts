import type { JsonRecord } from '../../src/domain/json.ts';
import { isRecord, nonEmptyText } from '../../src/domain/json.ts';

/** Sentry accepts a list as `{ values: [...] }` and as the bare list. */
export function values(list: unknown): JsonRecord[] {
  const items = isRecord(list) ? list.values : list;
  return Array.isArray(items) ? items.filter(isRecord) : [];
}

export function record(value: unknown): JsonRecord {
  return isRecord(value) ? value : {};
}

/** Text, or a number as text, or null. */
export function text(value: unknown): string | null {
  return typeof value === 'number' ? String(value) : nonEmptyText(value);
}

/** The exception that was thrown, which is the last one; undefined for a message. */
export function thrownException(event: JsonRecord): JsonRecord | undefined {
  return values(event.exception).at(-1);
}

export function frames(exception: JsonRecord | undefined): JsonRecord[] {
  const { frames: list } = record(exception?.stacktrace);
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

/** The log message as the person reads it; empty for a plain exception. */
export function logMessage(event: JsonRecord): string {
  const entry = record(event.logentry);
  return text(entry.formatted) ?? text(entry.message) ?? text(event.message) ?? '';
}
