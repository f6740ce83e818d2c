import { isRecord } from './json.ts';
import type { Rejection } from './rejection.ts';

/** The S3 object with the event of a pointer message. */
export interface ObjectLocation {
  readonly bucket: string;
  readonly region: string;
  readonly key: string;
}

export type Pointer = { readonly location: ObjectLocation } | { readonly rejection: Rejection };

/** Larger bodies aren't parsed, because a pointer consists of two short strings. */
const MAX_POINTER = 4_096;
/**
 * `https://BUCKET.s3.REGION.amazonaws.com/KEY`, with `s3-REGION` in older versions. Taken from the text and not from a
 * URL object, which would write a bucket's capitals small. A bucket's name may hold dots, and those of before 2018
 * underscores and capitals; its region has up to five parts, as `eusc-de-east-1` and `us-isob-east-1`.
 */
const POINTER =
  /^https:\/\/([a-z0-9][a-z0-9._-]{1,253}[a-z0-9])\.s3[.-]([a-z]{2,6}(?:-[a-z]{1,12}){1,3}-\d{1,2})\.amazonaws\.com\/([^?#\s]+)$/i;

/**
 * Parses a message that only points to its event. If Sentry has an S3 bucket configured, all its messages are of this
 * kind.
 * @returns null for any other message; a rejection if the URL isn't that of an object in a bucket
 */
export function parsePointer(body: string): Pointer | null {
  if (body.length > MAX_POINTER || !body.includes('"s3Url"')) return null;
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return null;
  }
  // A browser controls only the content below an event's top level, so it can't make an event look like a pointer.
  if (!isRecord(json) || !Object.hasOwn(json, 's3Url') || Object.hasOwn(json, 'groupID')) return null;
  const location = locationOf(json.s3Url);
  if (location !== null) return { location };
  const detail = 's3Url is not https://BUCKET.s3.REGION.amazonaws.com/KEY';
  return { rejection: { reason: 'invalid_s3_url', detail } };
}

function locationOf(value: unknown): ObjectLocation | null {
  if (typeof value !== 'string') return null;
  const [, bucket, region, path] = POINTER.exec(value) ?? [];
  if (bucket === undefined || region === undefined || path === undefined) return null;
  const key = decoded(path);
  return key === null ? null : { bucket, region: region.toLowerCase(), key };
}

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}
