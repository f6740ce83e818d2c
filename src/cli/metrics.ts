import { agentOf } from '../config/dogstatsd.ts';
import type { Teardown } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { createMetrics, toBoth } from '../runtime/metrics.ts';
import type { Prometheus } from '../runtime/prometheus.ts';

export interface DaemonMetrics {
  readonly metrics: Metrics;
  /** Null if no page is served. */
  readonly prometheus: Prometheus | null;
}

/** Sends to DogStatsD, and also counts for `/metrics` if that is served. */
export async function daemonMetrics(
  daemon: 'processor' | 'watcher',
  settings: Parameters<typeof agentOf>[0] & { readonly DATADOG_COUNTER_NAME?: string },
  served: boolean,
  version: string,
  logger: Logger,
  teardown: Teardown,
): Promise<DaemonMetrics> {
  const dogStatsD = createMetrics(logger, agentOf(settings), settings.DATADOG_COUNTER_NAME);
  teardown.add('metrics', () => dogStatsD.close());
  if (!served) return { metrics: dogStatsD, prometheus: null };
  const { createPrometheus } = await import('../runtime/prometheus.ts');
  const prometheus = createPrometheus(daemon, version, logger);
  return { metrics: toBoth(dogStatsD, prometheus), prometheus };
}
