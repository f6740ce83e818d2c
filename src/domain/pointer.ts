import { isRecord } from './json.ts';
import type { Rejection } from './rejection.ts';

/** Where the event of a pointer message lies in S3. */
export interface ObjectLocation {
  readonly bucket: string;
  readonly region: string;
  readonly key: string;
}

export type Pointer = { readonly location: ObjectLocation } | { readonly rejection: Rejection };

/** A pointer holds two short strings; larger bodies aren't looked at. */
const MAX_POINTER = 4_096;
/** `https://BUCKET.s3.REGION.amazonaws.com/KEY`, with `s3-REGION` in older versions; a bucket's name may hold dots. */
const HOST = /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com$/;

/**
 * Reads a message that only says where its event is: with an S3 bucket configured, Sentry sends nothing else.
 * @returns null for any other message; a rejection where the URL is none of an S3 bucket
 */
export function parsePointer(body: string): Pointer | null {
  if (body.length > MAX_POINTER || !body.includes('"s3Url"')) return null;
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return null;
  }
  // An event's own content stands below its top level, so no browser can make an event look like a pointer.
  if (!isRecord(json) || !Object.hasOwn(json, 's3Url') || Object.hasOwn(json, 'groupID')) return null;
  const location = locationOf(json.s3Url);
  if (location !== null) return { location };
  const detail = 's3Url is not https://BUCKET.s3.REGION.amazonaws.com/KEY';
  return { rejection: { reason: 'invalid_s3_url', detail } };
}

function locationOf(value: unknown): ObjectLocation | null {
  if (typeof value !== 'string' || !URL.canParse(value)) return null;
  const url = new URL(value);
  const [, bucket, region] = HOST.exec(url.hostname) ?? [];
  if (bucket === undefined || region === undefined) return null;
  if (url.protocol !== 'https:' || url.port !== '' || url.username !== '' || url.search !== '') return null;
  const key = decoded(url.pathname.slice(1));
  return key === null || key === '' ? null : { bucket, region, key };
}

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}
