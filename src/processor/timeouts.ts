import type { AwsTimeouts } from '../runtime/aws.ts';
import { longestRequest } from '../runtime/aws.ts';

// How long the steps of a worker may take. The worker keeps to them, and the supervisor waits as long before it kills.

/** A batch of 80 events takes some 10 ms; a statement that takes this long waits for a lock or a disk. */
export const STATEMENT_TIMEOUT_MILLISECONDS = 30_000;
/** Another worker holds the row of a hot issue for some 10 ms; a session that holds it this long holds up every worker. */
export const LOCK_TIMEOUT_MILLISECONDS = 5_000;
/** For finding the messages that a batch can't be stored with. Messages not tried by then stay on the queue. */
export const SEARCH_TIMEOUT_MILLISECONDS = 20_000;
/** For all S3 objects of a round together. Messages whose object is not read by then stay on the queue. */
export const FETCH_TIMEOUT_MILLISECONDS = 20_000;

const SDK_ATTEMPTS = 3;

/** How long a healthy worker may report nothing: it reports each turn of its loop, so one poll, fetch and store at most. */
export function longestSilence(queue: AwsTimeouts, sleepDelaySeconds: number): number {
  const poll = SDK_ATTEMPTS * longestRequest(queue) + sleepDelaySeconds * 1_000;
  // The search's last statement begins before the search's time is up.
  const store = SEARCH_TIMEOUT_MILLISECONDS + STATEMENT_TIMEOUT_MILLISECONDS;
  return poll + FETCH_TIMEOUT_MILLISECONDS + store;
}
