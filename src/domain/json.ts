export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text, or null for anything else and for text of white space alone. */
export function nonEmptyText(value: unknown): string | null {
  return typeof value === 'string' && /\S/.test(value) ? value : null;
}
