import { StatsD } from 'hot-shots';
import type { Logger } from './logger.ts';

/** DogStatsD over UDP: fire and forget, so a missing agent is no error. Names are design names, in full. */
export interface Metrics {
  /** Zero isn't sent. */
  increment(name: string, by?: number, tags?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number): void;
  /** Milliseconds. */
  distribution(name: string, milliseconds: number): void;
  /** Sends what is buffered; without it a short-lived process loses its last packet. */
  close(): Promise<void>;
}

/** The agent is where `DD_DOGSTATSD_URL`, `DD_AGENT_HOST` and `DD_DOGSTATSD_PORT` say, as hot-shots reads them. */
export function createMetrics(logger: Logger): Metrics {
  const client = new StatsD({
    maxBufferSize: 1_432,
    bufferFlushInterval: 1_000,
    errorHandler: (error) => logger.debug('DogStatsD failed', { error }),
  });
  return {
    increment: (name, by = 1, tags = {}) => {
      // Nothing happened: a counter of zeros is traffic without news.
      if (by > 0) client.increment(name, by, { ...tags });
    },
    gauge: (name, value) => client.gauge(name, value),
    distribution: (name, milliseconds) => client.distribution(name, milliseconds),
    close: () =>
      new Promise((resolve) => {
        client.close(() => resolve());
      }),
  };
}
