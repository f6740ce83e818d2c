import type { AwsTimeouts } from '../runtime/aws.ts';
import { longestRequest } from '../runtime/aws.ts';

// Time limits of a worker's steps. The supervisor kills a worker only after it has been silent for all of them
// together.

/** A pool of up to five workers stores one batch in this time while old versions of rows are kept. */
const BETWEEN_BATCHES_MILLISECONDS = 2_000;
const LONGEST_REST_MILLISECONDS = 10_000;

/**
 * How long each worker of a pool rests between batches while Postgres keeps old versions of rows, in milliseconds. It
 * has messages meanwhile, so a rest takes at most a quarter of the queue's visibility timeout.
 */
export function restOf(workers: number, visibilitySeconds: number): number {
  const quarter = visibilitySeconds * 250;
  return Math.min(workers * BETWEEN_BATCHES_MILLISECONDS, LONGEST_REST_MILLISECONDS, quarter);
}

/** How long a round may grow at most. Nobody else sees its messages until their visibility timeout. */
export const LONGEST_GROWTH_MILLISECONDS = 2_000;
/** A batch of 80 events takes about 10 ms, one of 400 about 50 ms. A statement that needs this long is waiting for a lock or a disk. */
export const STATEMENT_TIMEOUT_MILLISECONDS = 30_000;
/**
 * Another worker locks the row of a hot issue for about 10 ms. A session that locks it this long blocks every worker.
 */
export const LOCK_TIMEOUT_MILLISECONDS = 5_000;
/**
 * For finding the messages that keep a batch from being stored. Messages that aren't tried by then stay in the queue.
 */
export const SEARCH_TIMEOUT_MILLISECONDS = 20_000;
/** For all S3 objects of a round together. Messages whose object isn't read by then stay in the queue. */
export const FETCH_TIMEOUT_MILLISECONDS = 20_000;

/**
 * How long workers may take to finish their batch at the end. A stuck request fails within the read timeout, so a longer
 * wait would only delay the stop.
 */
export function stopGrace({ readTimeoutSeconds }: AwsTimeouts): number {
  return readTimeoutSeconds * 1_000;
}

const SDK_ATTEMPTS = 3;

/**
 * How long a healthy worker may report nothing. It reports after each turn of its loop: one poll, its growth
 * before and after a rest, one fetch, one store.
 */
export function longestSilence(queue: AwsTimeouts, sleepDelaySeconds: number): number {
  const poll = SDK_ATTEMPTS * longestRequest(queue) + sleepDelaySeconds * 1_000;
  // The last statement of the search can begin just before the search's time is up.
  const store = SEARCH_TIMEOUT_MILLISECONDS + STATEMENT_TIMEOUT_MILLISECONDS;
  return (
    poll + 2 * LONGEST_GROWTH_MILLISECONDS + LONGEST_REST_MILLISECONDS + FETCH_TIMEOUT_MILLISECONDS + store
  );
}
