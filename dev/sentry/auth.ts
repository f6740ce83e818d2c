import { timingSafeEqual } from 'node:crypto';
import type { JsonRecord } from '../../src/domain/json.ts';
import { SentryRequestError } from './envelope.ts';
import { text } from './json.ts';

export interface Credentials {
  /** The `X-Sentry-Auth` header. */
  readonly header: string | undefined;
  /** `?sentry_key=` */
  readonly query: string | null;
  /** The envelope's own header, which can hold the DSN. */
  readonly envelope: JsonRecord | undefined;
}

/** @throws SentryRequestError 401 without a key, 403 with a wrong one */
export function authorize(credentials: Credentials, publicKey: string): void {
  const key = keyOf(credentials);
  if (key === null) throw new SentryRequestError(401, 'missing authorization information');
  const given = Buffer.from(key);
  const expected = Buffer.from(publicKey);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new SentryRequestError(403, 'event submission rejected: this project has no such key');
  }
}

function keyOf({ header, query, envelope }: Credentials): string | null {
  const inHeader = /(?:^|[\s,])sentry_key=([^,\s]+)/.exec(header ?? '')?.[1];
  if (inHeader !== undefined) return inHeader;
  if (query !== null) return query;
  const dsn = text(envelope?.dsn);
  return dsn !== null && URL.canParse(dsn) ? new URL(dsn).username : null;
}
