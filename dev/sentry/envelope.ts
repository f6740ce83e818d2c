import type { JsonRecord } from '../../src/domain/json.ts';
import { isRecord } from '../../src/domain/json.ts';

/** A client's mistake, with the HTTP status that Sentry answers. */
export class SentryRequestError extends Error {
  readonly status: 400 | 401 | 403 | 404 | 405 | 413;

  constructor(status: SentryRequestError['status'], message: string) {
    super(message);
    this.name = 'SentryRequestError';
    this.status = status;
  }
}

export interface EnvelopeItem {
  readonly type: string;
  readonly payload: Buffer;
}

export interface Envelope {
  readonly header: JsonRecord;
  readonly items: readonly EnvelopeItem[];
}

const NEWLINE = 0x0a;
/** Of most kinds Sentry accepts 100 items at most. */
const MAX_ITEMS = 100;

/**
 * A header line, then for each item a header line and a payload. A payload is as long as its header's `length` says,
 * else it ends with the line. https://develop.sentry.dev/sdk/data-model/envelopes/
 * @throws SentryRequestError 400
 */
export function parseEnvelope(body: Buffer): Envelope {
  const first = lineAt(body, 0);
  const header = object(body.subarray(0, first.end), 'the envelope’s header');
  const items: EnvelopeItem[] = [];
  let at = first.next;
  while (at < body.length) {
    const line = lineAt(body, at);
    if (line.end === at) {
      at = line.next;
      continue;
    }
    if (items.length === MAX_ITEMS) throw new SentryRequestError(400, `more than ${MAX_ITEMS} items`);
    const itemHeader = object(body.subarray(at, line.end), 'an item’s header');
    const payload = payloadAt(body, line.next, itemHeader.length);
    items.push({ type: typeof itemHeader.type === 'string' ? itemHeader.type : '', payload });
    at = line.next + payload.length + (body[line.next + payload.length] === NEWLINE ? 1 : 0);
  }
  return { header, items };
}

/** An object in JSON, or a SentryRequestError 400 that names `what`. */
export function object(bytes: Buffer, what: string): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new SentryRequestError(400, `${what} is not JSON`);
  }
  if (!isRecord(value)) throw new SentryRequestError(400, `${what} is not an object`);
  return value;
}

function payloadAt(body: Buffer, start: number, length: unknown): Buffer {
  if (length === undefined || length === null) return body.subarray(start, lineAt(body, start).end);
  if (!Number.isSafeInteger(length) || Number(length) < 0)
    throw new SentryRequestError(400, 'an item’s length is not a length in bytes');
  const end = start + Number(length);
  if (end > body.length) throw new SentryRequestError(400, 'the envelope ends within an item');
  if (end < body.length && body[end] !== NEWLINE) {
    throw new SentryRequestError(400, 'an item is longer than its header says');
  }
  return body.subarray(start, end);
}

function lineAt(body: Buffer, start: number): { end: number; next: number } {
  const newline = body.indexOf(NEWLINE, start);
  return newline === -1 ? { end: body.length, next: body.length } : { end: newline, next: newline + 1 };
}
