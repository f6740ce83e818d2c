/** How long AWS may take, in seconds. */
export interface AwsTimeouts {
  readonly connectTimeoutSeconds: number;
  /** For an answer to begin, and then for each silence in it; a long poll must be shorter. */
  readonly readTimeoutSeconds: number;
}

/**
 * What the SDK's clients need to keep to the timeouts. `requestTimeout` ends with an answer's headers: without
 * `socketTimeout` a body that stalls is waited for forever. One that is slow but moves may take longer.
 */
export function requestHandler({ connectTimeoutSeconds, readTimeoutSeconds }: AwsTimeouts) {
  return {
    connectionTimeout: connectTimeoutSeconds * 1_000,
    requestTimeout: readTimeoutSeconds * 1_000,
    socketTimeout: readTimeoutSeconds * 1_000,
    throwOnRequestTimeout: true,
  };
}

/** How long a request may take whose answer is short, in milliseconds: it can come late and then stall. */
export function longestRequest({ connectTimeoutSeconds, readTimeoutSeconds }: AwsTimeouts): number {
  return (connectTimeoutSeconds + 2 * readTimeoutSeconds) * 1_000;
}
