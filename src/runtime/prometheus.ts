import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Page } from './dockerflow.ts';
import { asError } from './errors.ts';
import type { Logger } from './logger.ts';
import type { MetricOf, ReadingName } from './metric-list.ts';
import { BUILD_INFO, COUNTERS, DISTRIBUTIONS, GAUGES, prometheusName, READINGS } from './metric-list.ts';
import type { Metrics } from './metrics.ts';

/** Values by the label's value; by '' for a gauge without a label. Rejects if the service doesn't answer. */
export type Read = (signal: AbortSignal) => Promise<Readonly<Record<string, number>>>;

export interface Prometheus extends Metrics {
  /** Shows a value that `read` returns. However often the page is asked for, `read` is called at most once in 30 s. */
  show(name: ReadingName, read: Read): void;
  page(): Promise<Page>;
}

const READ_EVERY_MILLISECONDS = 30_000;
/** Shorter than Prometheus's default of 10 s for the whole page. */
const READ_MILLISECONDS = 3_000;

/** Counts for Prometheus, which reads the page when it wants to. */
export function createPrometheus(
  daemon: 'processor' | 'watcher',
  version: string,
  logger: Logger,
  now: () => number = () => performance.now(),
): Prometheus {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const { name, help } = BUILD_INFO;
  new Gauge({ name, help, labelNames: ['version'], registers }).set({ version }, 1);

  const counters = new Map(
    ownOf(COUNTERS, daemon).map(([key, spec]) => [key, counter(key, spec, registers)]),
  );
  const gauges = new Map(
    ownOf(GAUGES, daemon).map(([key, spec]) => [
      key,
      new Gauge({ name: prometheusName(key), help: spec.help, registers }),
    ]),
  );
  const histograms = new Map(
    ownOf(DISTRIBUTIONS, daemon).map(([key, spec]) => [
      key,
      new Histogram({ name: prometheusName(key), help: spec.help, buckets: [...spec.buckets], registers }),
    ]),
  );
  const readings: (() => Promise<void>)[] = [];
  return {
    increment: (key, by = 1, tags = {}) => counters.get(key)?.inc({ ...tags }, by),
    gauge: (key, value) => gauges.get(key)?.set(value),
    distribution: (key, milliseconds) => histograms.get(key)?.observe(milliseconds / 1_000),
    close: async () => {},
    show(key, read) {
      const { label, help }: MetricOf = READINGS[key];
      const gauge = new Gauge({
        name: key,
        help,
        labelNames: label === undefined ? [] : [label],
        registers,
      });
      clear(gauge, label);
      readings.push(refresher(key, gauge, label, read, logger, now));
    },
    async page() {
      await Promise.all(readings.map((refresh) => refresh()));
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

/** The metrics that this daemon has. Canaries belong to the watcher. */
function ownOf<K extends string, S>(list: Readonly<Record<K, S>>, daemon: 'processor' | 'watcher'): [K, S][] {
  const entries = Object.entries(list) as [K, S][];
  return entries.filter(([key]) => key.startsWith('bec-alerts.processor.') === (daemon === 'processor'));
}

function counter(
  key: keyof typeof COUNTERS,
  { help, label, values = [] }: MetricOf,
  registers: Registry[],
): Counter {
  const labelNames = label === undefined ? [] : [label];
  const created = new Counter({ name: prometheusName(key), help, labelNames, registers });
  // Without a 0 to start from, Prometheus would not see the first increase.
  if (label !== undefined) for (const value of values) created.inc({ [label]: value }, 0);
  return created;
}

/** A gauge that could not be read is absent, because an old value would look like a new one. */
function refresher(
  name: string,
  gauge: Gauge,
  label: string | undefined,
  read: Read,
  logger: Logger,
  now: () => number,
): () => Promise<void> {
  let begun = Number.NEGATIVE_INFINITY;
  let reading = Promise.resolve();
  const refresh = async () => {
    try {
      const values = await inTime(read);
      for (const [value, number] of Object.entries(values)) {
        gauge.set(label === undefined ? {} : { [label]: value }, number);
      }
    } catch (thrown) {
      clear(gauge, label);
      logger.warning('a value for /metrics could not be read; the page leaves it out', {
        metric: name,
        error: asError(thrown),
      });
    }
  };
  return () => {
    if (now() - begun >= READ_EVERY_MILLISECONDS) {
      begun = now();
      reading = refresh();
    }
    return reading;
  };
}

/** Without a label, `reset` would leave a 0. */
function clear(gauge: Gauge, label: string | undefined): void {
  if (label === undefined) gauge.remove();
  else gauge.reset();
}

async function inTime(read: Read): Promise<Readonly<Record<string, number>>> {
  const signal = AbortSignal.timeout(READ_MILLISECONDS);
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return await Promise.race([read(signal), late]);
}
