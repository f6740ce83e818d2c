import type { LogFields, Logger } from './logger.ts';
import { boundedRequests, withStoreFallback } from './sentry-transport.ts';

/** Tells the service's own maintainers of an error: in the log always, to Sentry where there is a DSN. */
export interface Reporter {
  report(error: Error, message: string, fields?: LogFields): void;
  /** Something to look at that is no error of ours, so no stack: logged as a warning. */
  warn(message: string, fields?: LogFields): void;
  /** Waits until what was reported has left; call before exit. */
  close(): Promise<void>;
}

const FLUSH_MILLISECONDS = 2_000;
const REQUEST_MILLISECONDS = 10_000;

/** @param dsn Sentry's; without it errors go to the log alone */
export async function createReporter(
  logger: Logger,
  dsn: string | undefined,
  release: string,
): Promise<Reporter> {
  if (dsn === undefined) {
    return {
      report: (error, message, fields) => logger.error(message, { ...fields, error }),
      warn: (message, fields) => logger.warning(message, fields),
      close: async () => {},
    };
  }
  // 0.25 s of CPU to load, which is why only the supervisor and the watcher come here, and only with a DSN.
  const Sentry = await import('@sentry/node');
  const closed = new AbortController();
  Sentry.init({
    dsn,
    release,
    // Our own errors and nothing else: no tracing, no patched modules, no request data.
    defaultIntegrations: false,
    integrations: [Sentry.linkedErrorsIntegration(), Sentry.dedupeIntegration()],
    tracesSampleRate: 0,
    transportOptions: {
      httpModule: boundedRequests(dsn, () =>
        AbortSignal.any([AbortSignal.timeout(REQUEST_MILLISECONDS), closed.signal]),
      ),
    },
    transport: withStoreFallback(Sentry.makeNodeTransport, {
      dsn,
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
      // A server that takes the request and never answers would hold the process.
      closed.abort();
    },
  };
}
