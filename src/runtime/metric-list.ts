import { REJECTION_REASONS } from '../domain/rejection.ts';

/**
 * All metrics. Those with dots are sent to DogStatsD under this name, and Prometheus reads them with underscores and a
 * unit. Label values are closed lists, so that a counter exists with 0 before its first event.
 */
export interface MetricOf {
  readonly help: string;
  readonly label?: string;
  readonly values?: readonly string[];
}

export const COUNTERS = {
  'bec-alerts.processor.events': { help: 'Events stored.' },
  'bec-alerts.processor.rejected': {
    help: 'Messages that went to the dead-letter queue, by reason.',
    label: 'reason',
    values: REJECTION_REASONS,
  },
  'bec-alerts.watcher.health': { help: 'Runs that finished.' },
  'bec-alerts.watcher.errors': {
    help: 'Failures of the watcher, by what failed.',
    label: 'what',
    values: [
      'run',
      'delivery',
      'judgement',
      'attempt',
      'alert',
      'trigger',
      'trigger_left_out',
      'bounce',
      'complaint',
      'ses_events',
      'canary',
    ],
  },
  'bec-alerts.watcher.alerts': { help: 'Alerts decided.' },
  'bec-alerts.watcher.silenced': { help: 'Alerts dropped because of a silence, one for each recipient.' },
} as const satisfies Readonly<Record<string, MetricOf>>;

/** Milliseconds for DogStatsD; histograms in seconds for Prometheus. */
export const DISTRIBUTIONS = {
  'bec-alerts.processor.lag': {
    help: 'Seconds from the entry of the oldest message of a batch into the queue to the commit.',
    buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400],
  },
  'bec-alerts.processor.batch.duration': {
    help: 'Seconds from the start of parsing a batch to its commit.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  'bec-alerts.watcher.run.duration': {
    help: 'Seconds that a run took, without delivery.',
    buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 150, 300, 600, 1_800],
  },
  'bec-alerts.canary.delay': {
    help: 'Seconds from sending a canary until it was counted.',
    buckets: [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800],
  },
} as const satisfies Readonly<Record<string, { readonly help: string; readonly buckets: readonly number[] }>>;

export const GAUGES = {
  'bec-alerts.processor.workers': { help: 'Worker processes that run.' },
  'bec-alerts.processor.workers.wanted': { help: 'Worker processes that should run.' },
  'bec-alerts.watcher.pending.seconds': {
    help: 'Age of the oldest alert in the outbox, in seconds; 0 if none waits.',
  },
  'bec-alerts.watcher.triggers.left_out': {
    help: 'Triggers that are left out until the next start, because they ended their process.',
  },
} as const satisfies Readonly<Record<string, MetricOf>>;

/** For Prometheus alone: read when somebody asks for the page. */
export const READINGS = {
  bec_alerts_processor_queue_messages: {
    help: 'Messages in the queue, by state. SQS counts approximately.',
    label: 'state',
    values: ['waiting', 'in_flight', 'delayed'],
  },
  bec_alerts_processor_dead_letters: {
    help: 'Messages in the dead-letter queue. SQS counts approximately.',
  },
  bec_alerts_watcher_alerts_pending: { help: 'Alerts in the outbox that wait to be sent.' },
  bec_alerts_canary_waiting_seconds: {
    help: 'Age of the oldest canary that waits to be counted, in seconds; 0 if none waits.',
  },
} as const satisfies Readonly<Record<string, MetricOf>>;

export const BUILD_INFO = { name: 'bec_alerts_build_info', help: 'Always 1; the label is the version.' };

export type CounterName = keyof typeof COUNTERS;
export type DistributionName = keyof typeof DISTRIBUTIONS;
export type GaugeName = keyof typeof GAUGES;
export type ReadingName = keyof typeof READINGS;

/** The name that Prometheus reads. */
export function prometheusName(name: CounterName | DistributionName | GaugeName): string {
  const unit = name in COUNTERS ? '_total' : name in DISTRIBUTIONS ? '_seconds' : '';
  return name.replaceAll(/[.-]/g, '_') + unit;
}
