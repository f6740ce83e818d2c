import type { Proxies } from './proxy.ts';
import { proxyOptions } from './proxy.ts';

/** How long AWS may take. */
export interface AwsTimeouts {
  readonly connectTimeoutSeconds: number;
  /** Time until an answer begins, and then for each pause in it. A long poll must be shorter. */
  readonly readTimeoutSeconds: number;
}

/** How AWS is reached. */
export interface AwsConnection extends AwsTimeouts {
  readonly proxies: Proxies;
}

/**
 * Makes the SDK's clients use the proxies and keep to the timeouts. `requestTimeout` covers only the time until an
 * answer's headers. Without `socketTimeout` the SDK would wait forever for a body that stalls. A body that is slow but
 * arrives may take longer.
 */
export function requestHandler({ connectTimeoutSeconds, readTimeoutSeconds, proxies }: AwsConnection) {
  const agent = agentOptions(proxies, connectTimeoutSeconds);
  return {
    httpAgent: agent,
    httpsAgent: agent,
    connectionTimeout: connectTimeoutSeconds * 1_000,
    requestTimeout: readTimeoutSeconds * 1_000,
    socketTimeout: readTimeoutSeconds * 1_000,
    throwOnRequestTimeout: true,
  };
}

const MARGIN_MILLISECONDS = 1_000;

/**
 * Without a timeout of its own, an agent would keep each connection to a proxy that never opens the tunnel. It is longer
 * than the timeout of the SDK, whose message is better.
 */
function agentOptions(proxies: Proxies, connectTimeoutSeconds: number) {
  const through = proxyOptions(proxies);
  if (through.proxyEnv === undefined) return {};
  return { ...through, timeout: connectTimeoutSeconds * 1_000 + MARGIN_MILLISECONDS };
}

/** Longest time of a request with a short answer, in milliseconds: the answer can begin late and then stall once. */
export function longestRequest({ connectTimeoutSeconds, readTimeoutSeconds }: AwsTimeouts): number {
  return (connectTimeoutSeconds + 2 * readTimeoutSeconds) * 1_000;
}

const LONGEST_POLL_SECONDS = 20;
/** The answer to an empty poll begins at the poll's end. It must begin this long before the read timeout. */
const ANSWER_SECONDS = 2;

/** How long a receive of SQS may wait for a message, in whole seconds. SQS allows 20; a short read timeout allows less. */
export function longestPoll({ readTimeoutSeconds }: AwsTimeouts): number {
  return Math.max(0, Math.min(LONGEST_POLL_SECONDS, Math.floor(readTimeoutSeconds - ANSWER_SECONDS)));
}
