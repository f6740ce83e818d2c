import { StatsD } from 'hot-shots';
import type { Logger } from './logger.ts';

/** Sends metrics to DogStatsD over UDP, which doesn't answer: a missing agent is not an error. Names are full names. */
export interface Metrics {
  /** Doesn't send zeros. */
  increment(name: string, by?: number, tags?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number): void;
  /** Milliseconds. */
  distribution(name: string, milliseconds: number): void;
  /** Sends the buffer. Without this call a short-lived process loses its last packet. */
  close(): Promise<void>;
}

/** hot-shots reads the agent's address from `DD_DOGSTATSD_URL`, `DD_AGENT_HOST` and `DD_DOGSTATSD_PORT`. */
export function createMetrics(logger: Logger): Metrics {
  const client = new StatsD({
    maxBufferSize: 1_432,
    bufferFlushInterval: 1_000,
    errorHandler: (error) => logger.debug('sending metrics to DogStatsD failed', { error }),
  });
  return {
    increment: (name, by = 1, tags = {}) => {
      // Adding zero to a counter changes nothing, so it isn't worth a packet.
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
