import * as http from 'node:http';
import * as https from 'node:https';
import type { makeNodeTransport } from '@sentry/node';

type HttpModule = NonNullable<Parameters<typeof makeNodeTransport>[0]['httpModule']>;

const FLUSH_MILLISECONDS = 10_000;
/** Longer than the flush, which has the better message. */
const REQUEST_MILLISECONDS = FLUSH_MILLISECONDS + 500;

class SimulatedError extends Error {
  override readonly name = 'SimulatedError';
}

/**
 * Raises a real error and sends it with the real SDK.
 * @returns the event's id
 * @throws Error if the server doesn't take it
 */
export async function sendSimulatedError(
  dsn: string,
  message: string,
  options: { traceback: boolean; release: string },
): Promise<string> {
  const Sentry = await import('@sentry/node');
  let refusal: string | null = null;
  let answered = false;
  Sentry.init({
    dsn,
    release: options.release,
    environment: 'simulated',
    defaultIntegrations: false,
    // By default the SDK makes up an exception for a message, to show where it was sent.
    attachStacktrace: false,
    integrations: [Sentry.linkedErrorsIntegration(), Sentry.contextLinesIntegration()],
    transportOptions: { httpModule: boundedRequests(dsn) },
    // The SDK's own transport says nothing of an error status; this one wraps it to listen.
    transport: (transportOptions) => {
      const transport = Sentry.makeNodeTransport(transportOptions);
      return {
        ...transport,
        send: async (envelope) => {
          try {
            const answer = await transport.send(envelope);
            answered = true;
            const status = answer.statusCode ?? 0;
            if (status < 200 || status >= 300) refusal = `it answered ${status}`;
            return answer;
          } catch (error) {
            answered = true;
            refusal = error instanceof Error ? error.message : String(error);
            throw error;
          }
        },
      };
    },
  });
  // The stack is always the same: without the message Sentry would make one issue of all simulated errors.
  const grouping = { fingerprint: ['{{ default }}', message] };
  const id = options.traceback
    ? Sentry.captureException(raised(message), grouping)
    : Sentry.captureMessage(message, { level: 'error', ...grouping });
  await Sentry.close(FLUSH_MILLISECONDS);
  const { host } = new URL(dsn);
  if (refusal !== null) throw new Error(`Sentry at ${host} did not take the error: ${refusal}`);
  if (!answered) throw new Error(`Sentry at ${host} did not answer within ${FLUSH_MILLISECONDS / 1_000} s`);
  return id;
}

/** The SDK's requests have no end of their own: one that is never answered would keep the process from ending. */
function boundedRequests(dsn: string): HttpModule {
  const { request } = new URL(dsn).protocol === 'https:' ? https : http;
  return {
    request(options, callback) {
      const bounded = {
        ...(options as http.RequestOptions),
        signal: AbortSignal.timeout(REQUEST_MILLISECONDS),
      };
      // A client's response has a status always; only the server's side of the type may lack it.
      return request(bounded, (response) => callback?.(response as typeof response & { statusCode: number }));
    },
  };
}

/** An error with a stack worth looking at. */
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
