import type { S3Client } from '@aws-sdk/client-s3';
import type { ObjectLocation } from '../domain/pointer.ts';
import type { Rejection, RejectionReason } from '../domain/rejection.ts';
import { requestHandler } from '../runtime/aws.ts';
import { asError, CodedError, messageOf } from '../runtime/errors.ts';
import type { SqsOptions } from './sqs.ts';

export type FetchedObject = { readonly body: string } | { readonly rejection: Rejection };

/** Fetches the events that a message only points to. */
export interface Objects {
  /**
   * @param signal aborts the fetch, even in the middle of the object's body
   * @returns a rejection if the object doesn't exist or can't be an event
   * @throws CodedError `object_unavailable` if a retry can help; the message must stay in the queue
   */
  fetch(location: ObjectLocation, signal: AbortSignal): Promise<FetchedObject>;
  close(): void;
}

/** Sentry accepts events of up to 1 MiB, and adds much less than the rest of this. */
const MAX_OBJECT_BYTES = 8 * 1_024 * 1_024;

/**
 * Fetches objects over the S3 protocol. The SDK's client is loaded only for the first pointer, because most
 * installations never receive one.
 * @param options `endpoint` is the URL of a local S3, addressed by path; undefined for AWS
 */
export function createObjects(options: SqsOptions): Objects {
  const clients = new Map<string, Promise<S3Client>>();

  const clientOf = (region: string): Promise<S3Client> => {
    const known = clients.get(region);
    if (known !== undefined) return known;
    const created = createClient(options, region);
    clients.set(region, created);
    return created;
  };

  return {
    async fetch(location, signal) {
      try {
        const { GetObjectCommand } = await import('@aws-sdk/client-s3');
        const client = await clientOf(location.region);
        const {
          Body,
          ContentLength = 0,
          ETag,
        } = await client.send(new GetObjectCommand({ Bucket: location.bucket, Key: location.key }), {
          abortSignal: signal,
        });
        if (ETag === undefined) {
          if (Body !== undefined && 'destroy' in Body) Body.destroy();
          throw new Error('the answer has no ETag, so it is not one of S3');
        }
        if (ContentLength > MAX_OBJECT_BYTES) {
          // A body that isn't read would keep its connection busy.
          if (Body !== undefined && 'destroy' in Body) Body.destroy();
          return reject('oversized_s3_object', `the object is larger than ${MAX_OBJECT_BYTES} bytes`);
        }
        return { body: (await Body?.transformToString()) ?? '' };
      } catch (thrown) {
        const error = asError(signal.aborted ? signal.reason : thrown);
        if (error.name === 'NoSuchKey' || error.name === 'NoSuchBucket') {
          return reject('missing_s3_object', `S3 answered ${error.name}`);
        }
        throw new CodedError(
          'object_unavailable',
          `reading s3://${location.bucket} failed (${error.name}: ${messageOf(error)})`,
          { retryable: true, cause: error },
        );
      }
    },
    close() {
      for (const client of clients.values()) void client.then((one) => one.destroy());
    },
  };
}

async function createClient(options: SqsOptions, region: string): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3');
  return new S3Client({
    region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint, forcePathStyle: true }),
    requestHandler: requestHandler(options),
  });
}

function reject(reason: RejectionReason, detail: string): FetchedObject {
  return { rejection: { reason, detail } };
}
