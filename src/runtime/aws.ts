/** How long AWS may take. */
export interface AwsTimeouts {
  readonly connectTimeoutSeconds: number;
  /** Time until an answer begins, and then for each pause in it. A long poll must be shorter. */
  readonly readTimeoutSeconds: number;
}

/**
 * Makes the SDK's clients keep to the timeouts. `requestTimeout` covers only the time until an answer's headers.
 * Without `socketTimeout` the SDK would wait forever for a body that stalls. A body that is slow but arrives may take
 * longer.
 */
export function requestHandler({ connectTimeoutSeconds, readTimeoutSeconds }: AwsTimeouts) {
  return {
    connectionTimeout: connectTimeoutSeconds * 1_000,
    requestTimeout: readTimeoutSeconds * 1_000,
    socketTimeout: readTimeoutSeconds * 1_000,
    throwOnRequestTimeout: true,
  };
}

/** Longest time of a request with a short answer, in milliseconds: the answer can begin late and then stall once. */
export function longestRequest({ connectTimeoutSeconds, readTimeoutSeconds }: AwsTimeouts): number {
  return (connectTimeoutSeconds + 2 * readTimeoutSeconds) * 1_000;
}
