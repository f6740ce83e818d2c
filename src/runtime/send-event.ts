import { messageOf } from './errors.ts';
import type { Proxies } from './proxy.ts';
import type { Delivery } from './sentry-transport.ts';

/** An event to send. */
export interface OutgoingEvent {
  /** An error, or a message without an exception. */
  readonly what: Error | string;
  /** By which Sentry groups events into issues. */
  readonly fingerprint: readonly string[];
  /** 32 hexadecimal digits. Default: the SDK makes one up. */
  readonly id?: string;
}

export interface SenderOptions {
  readonly release: string;
  readonly environment: string;
  readonly proxies: Proxies;
  /** Aborts the request. */
  readonly signal?: AbortSignal;
}

const FLUSH_MILLISECONDS = 10_000;
/** Longer than the flush, because the flush reports a timeout with a better message. */
const REQUEST_MILLISECONDS = FLUSH_MILLISECONDS + 500;

/**
 * Sends an event with Sentry's SDK. The client is one of its own, so it doesn't replace that of our error reports.
 * @returns the event's id
 * @throws Error if the server doesn't accept it
 */
export async function sendEvent(dsn: string, event: OutgoingEvent, options: SenderOptions): Promise<string> {
  const Sentry = await import('@sentry/node');
  const { boundedRequests, withStoreFallback } = await import('./sentry-transport.ts');
  const { release, environment, proxies, signal } = options;
  let delivery: Delivery | undefined;
  const requestSignal = () => {
    const late = AbortSignal.timeout(REQUEST_MILLISECONDS);
    return signal === undefined ? late : AbortSignal.any([late, signal]);
  };
  const client = new Sentry.NodeClient({
    dsn,
    release,
    environment,
    // By default the SDK adds an exception to a message, to show where the message was sent.
    attachStacktrace: false,
    enableRuntimeChannelInjection: false,
    stackParser: Sentry.defaultStackParser,
    integrations: [Sentry.linkedErrorsIntegration(), Sentry.contextLinesIntegration()],
    transportOptions: { httpModule: boundedRequests(dsn, proxies, requestSignal) },
    // The SDK doesn't report an error status; this transport does.
    transport: withStoreFallback(Sentry.makeNodeTransport, {
      dsn,
      proxies,
      client: `bec-alerts/${release}`,
      onDelivery: (outcome) => {
        delivery = outcome;
      },
      ...(signal === undefined ? {} : { signal }),
    }),
  });
  client.init();
  const scope = new Sentry.Scope().setFingerprint([...event.fingerprint]);
  const hint = event.id === undefined ? {} : { event_id: event.id };
  const id =
    typeof event.what === 'string'
      ? client.captureMessage(event.what, 'error', hint, scope)
      : client.captureException(event.what, hint, scope);
  await client.close(FLUSH_MILLISECONDS);
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
