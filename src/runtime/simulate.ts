import { messageOf } from './errors.ts';
import type { Proxies } from './proxy.ts';
import type { Delivery } from './sentry-transport.ts';
import { boundedRequests, withStoreFallback } from './sentry-transport.ts';

const FLUSH_MILLISECONDS = 10_000;
/** Longer than the flush, because the flush reports a timeout with a better message. */
const REQUEST_MILLISECONDS = FLUSH_MILLISECONDS + 500;

class SimulatedError extends Error {
  override readonly name = 'SimulatedError';
}

/**
 * Raises a real error and sends it with Sentry's SDK.
 * @returns the event's id
 * @throws Error if the server doesn't accept it
 */
export async function sendSimulatedError(
  dsn: string,
  message: string,
  options: { traceback: boolean; release: string; proxies: Proxies },
): Promise<string> {
  const Sentry = await import('@sentry/node');
  let delivery: Delivery | undefined;
  Sentry.init({
    dsn,
    release: options.release,
    environment: 'simulated',
    defaultIntegrations: false,
    // By default the SDK adds an exception to a message, to show where the message was sent.
    attachStacktrace: false,
    integrations: [Sentry.linkedErrorsIntegration(), Sentry.contextLinesIntegration()],
    transportOptions: {
      httpModule: boundedRequests(dsn, options.proxies, () => AbortSignal.timeout(REQUEST_MILLISECONDS)),
    },
    // The SDK doesn't report an error status; this transport does.
    transport: withStoreFallback(Sentry.makeNodeTransport, {
      dsn,
      proxies: options.proxies,
      client: `bec-alerts/${options.release}`,
      onDelivery: (outcome) => {
        delivery = outcome;
      },
    }),
  });
  // The stack is always the same. Without the message in the fingerprint Sentry would group all simulated errors.
  const grouping = { fingerprint: ['{{ default }}', message] };
  const id = options.traceback
    ? Sentry.captureException(raised(message), grouping)
    : Sentry.captureMessage(message, { level: 'error', ...grouping });
  await Sentry.close(FLUSH_MILLISECONDS);
  const problem = problemOf(delivery);
  if (problem !== null) throw new Error(`Sentry at ${new URL(dsn).host} ${problem}`);
  return id;
}

function problemOf(delivery: Delivery | undefined): string | null {
  if (delivery === undefined) return `did not answer within ${FLUSH_MILLISECONDS / 1_000} s`;
  if ('error' in delivery) return `did not accept the error: ${messageOf(delivery.error)}`;
  const { status } = delivery;
  if (status >= 200 && status < 300) return null;
  const advice = status === 401 || status === 403 ? '; does the key in the DSN belong to this project?' : '';
  return `did not accept the error: it answered ${status}${advice}`;
}

/** Returns an error whose stack has several frames. */
function raised(message: string): Error {
  try {
    throwDeeply(message, 3);
    return new SimulatedError(message);
  } catch (error) {
    return error instanceof Error ? error : new SimulatedError(message);
  }
}

function throwDeeply(message: string, depth: number): void {
  if (depth === 0) throw new SimulatedError(message);
  throwDeeply(message, depth - 1);
}
