import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';
import { SentryRequestError } from './envelope.ts';

export const MAX_BODY = 10 * 1_024 * 1_024;
/** A small body can unpack to any size. */
export const MAX_UNPACKED = 40 * 1_024 * 1_024;

type Unpack = (packed: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const UNPACK: Readonly<Record<string, Unpack>> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

/** The request's body, unpacked. @throws SentryRequestError 413 where it is too large, 400 where it is broken */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const packed = await readBounded(request);
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return packed;
  const unpack = Object.hasOwn(UNPACK, encoding) ? UNPACK[encoding] : undefined;
  if (unpack === undefined) throw new SentryRequestError(400, `unknown content-encoding ${encoding}`);
  try {
    return await unpack(packed, { maxOutputLength: MAX_UNPACKED });
  } catch (error) {
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    if (tooLarge) throw new SentryRequestError(413, `the body unpacks to more than ${MAX_UNPACKED} bytes`);
    throw new SentryRequestError(400, `the body is not ${encoding}`);
  }
}

/** Reads an oversized body to its end without keeping it, so that the client gets to read the answer. */
async function readBounded(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > 4 * MAX_BODY) break;
    if (size > MAX_BODY) chunks.length = 0;
    else chunks.push(chunk);
  }
  if (size > MAX_BODY) throw new SentryRequestError(413, `the body is larger than ${MAX_BODY} bytes`);
  return Buffer.concat(chunks);
}
