import type { LogFields, Logger } from './logger.ts';
import type { Proxies } from './proxy.ts';
import { NO_PROXIES } from './proxy.ts';

/** Reports bec-alerts' own errors: always to the log, and to Sentry if there is a DSN. */
export interface Reporter {
  report(error: Error, message: string, fields?: LogFields): void;
  /** Reports a condition that a person should look at but that is not our own error: a warning without a stack. */
  warn(message: string, fields?: LogFields): void;
  /** Waits until all reports are sent. Call it before the process exits. */
  close(): Promise<void>;
}

const FLUSH_MILLISECONDS = 2_000;
const REQUEST_MILLISECONDS = 10_000;

/** @param dsn undefined for a reporter that only logs */
export async function createReporter(
  logger: Logger,
  dsn: string | undefined,
  release: string,
  proxies: Proxies = NO_PROXIES,
): Promise<Reporter> {
  if (dsn === undefined) {
    return {
      report: (error, message, fields) => logger.error(message, { ...fields, error }),
      warn: (message, fields) => logger.warning(message, fields),
      close: async () => {},
    };
  }
  // Loading Sentry's SDK takes 0.25 s of CPU. So only the supervisor and the watcher load it, and only with a DSN.
  const Sentry = await import('@sentry/node');
  const { boundedRequests, withStoreFallback } = await import('./sentry-transport.ts');
  const closed = new AbortController();
  Sentry.init({
    dsn,
    release,
    // Only our own errors are reported: no tracing, no patched modules, no request data.
    defaultIntegrations: false,
    enableRuntimeChannelInjection: false,
    integrations: [Sentry.linkedErrorsIntegration(), Sentry.dedupeIntegration()],
    tracesSampleRate: 0,
    transportOptions: {
      httpModule: boundedRequests(dsn, proxies, () =>
        AbortSignal.any([AbortSignal.timeout(REQUEST_MILLISECONDS), closed.signal]),
      ),
    },
    transport: withStoreFallback(Sentry.makeNodeTransport, {
      dsn,
      proxies,
      client: `bec-alerts/${release}`,
      signal: closed.signal,
    }),
  });
  return {
    report: (error, message, fields) => {
      logger.error(message, { ...fields, error });
      Sentry.captureException(error, { extra: { ...fields, message } });
    },
    warn: (message, fields) => {
      logger.warning(message, fields);
      Sentry.captureMessage(message, { level: 'warning', extra: { ...fields } });
    },
    close: async () => {
      await Sentry.close(FLUSH_MILLISECONDS);
      // A server that accepts the request but never answers would keep the process alive.
      closed.abort();
    },
  };
}
