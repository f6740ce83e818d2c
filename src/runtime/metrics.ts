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

/** Where the agent listens. */
export interface AgentAddress {
  /** A name or an IP address; undefined for this machine. */
  readonly host: string | undefined;
  readonly port: number;
}

/** hot-shots itself reads the tags of `DD_ENV`, `DD_SERVICE`, `DD_VERSION` and `DD_TAGS`. */
export function createMetrics(logger: Logger, { host, port }: AgentAddress): Metrics {
  let failed = false;
  const client = new StatsD({
    ...(host === undefined ? {} : { host }),
    // With a port, hot-shots reads no address from variables. It would ignore those that it can't use.
    port,
    maxBufferSize: 1_432,
    bufferFlushInterval: 1_000,
    errorHandler: (error) => {
      // Such as a host name that is not known. Once is enough: metrics are sent each second.
      const level = failed ? 'debug' : 'warning';
      failed = true;
      logger[level]('sending metrics to DogStatsD failed', { host, port, error });
    },
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
