import { StatsD } from 'hot-shots';
import type { Logger } from './logger.ts';
import type { CounterName, DistributionName, GaugeName } from './metric-list.ts';

/** Takes the metrics of metric-list.ts. */
export interface Metrics {
  increment(name: CounterName, by?: number, tags?: Readonly<Record<string, string>>): void;
  gauge(name: GaugeName, value: number): void;
  /** Milliseconds. */
  distribution(name: DistributionName, milliseconds: number): void;
  /** Sends the buffer. Without this call a short-lived process loses its last packet. */
  close(): Promise<void>;
}

const HEALTH = 'bec-alerts.watcher.health';

/** Where the agent listens. */
export interface AgentAddress {
  /** A name or an IP address; undefined for this machine. */
  readonly host: string | undefined;
  readonly port: number;
}

/**
 * Sends metrics to DogStatsD over UDP, which doesn't answer: a missing agent is not an error. Doesn't send zeros.
 * hot-shots itself reads the tags of `DD_ENV`, `DD_SERVICE`, `DD_VERSION` and `DD_TAGS`.
 * @param healthCounter the name under which finished runs are counted
 */
export function createMetrics(
  logger: Logger,
  { host, port }: AgentAddress,
  healthCounter: string = HEALTH,
): Metrics {
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
      if (by > 0) client.increment(name === HEALTH ? healthCounter : name, by, { ...tags });
    },
    gauge: (name, value) => client.gauge(name, value),
    distribution: (name, milliseconds) => client.distribution(name, milliseconds),
    close: () =>
      new Promise((resolve) => {
        client.close(() => resolve());
      }),
  };
}

export function toBoth(one: Metrics, other: Metrics): Metrics {
  return {
    increment(name, by, tags) {
      one.increment(name, by, tags);
      other.increment(name, by, tags);
    },
    gauge(name, value) {
      one.gauge(name, value);
      other.gauge(name, value);
    },
    distribution(name, milliseconds) {
      one.distribution(name, milliseconds);
      other.distribution(name, milliseconds);
    },
    async close() {
      await Promise.all([one.close(), other.close()]);
    },
  };
}
