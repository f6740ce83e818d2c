import { asError, LoggedError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/logger.ts';
import { backoff, pause } from '../runtime/loop.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Reporter } from '../runtime/report.ts';
import type { RunOutcome } from './run/run.ts';
import type { Steps } from './steps.ts';
import type { WakeUp } from './wake-up.ts';
import { createWakeUp } from './wake-up.ts';

export interface WatchDependencies {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly reporter: Reporter;
}

export interface WatchOptions {
  /** A dry run doesn't deliver. */
  readonly dryRun: boolean;
  /** The longest wait after a failure. */
  readonly delaySeconds: number;
}

/** How long `--once` retries alerts that SES doesn't accept at first. A later run delivers the rest. */
const DELIVERY_PATIENCE_MILLISECONDS = 20_000;
/** The first wait after a failed step. The waits grow up to the longest one, but never beyond the interval of runs. */
const FIRST_RETRY_MILLISECONDS = 10_000;
const LONGEST_RETRY_MILLISECONDS = 600_000;
const SHORTEST_PAUSE_MILLISECONDS = 100;

const FAILURES = {
  run: 'the run failed; the next one evaluates the same issues',
  delivery: 'delivery failed; alerts stay in the outbox and are delivered later',
} as const;

/**
 * Runs at each interval until the signal fires, and delivers at the same time. So a slow SES doesn't delay a run, and a
 * retry doesn't wait for a run. Any number of watchers may work on one database. When a run is due, the watcher that
 * gets the lock runs, and the others then find the run finished.
 */
export async function watch(
  steps: Steps,
  dependencies: WatchDependencies,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const outbox = createWakeUp();
  const runs = async () => {
    const wait = await steps.runIfDue(signal);
    outbox.call();
    return wait;
  };
  const loops = [repeat('run', runs, createWakeUp(), dependencies, options, signal)];
  if (!options.dryRun) {
    const deliveries = () => steps.deliver(signal);
    loops.push(repeat('delivery', deliveries, outbox, dependencies, options, signal));
  }
  await Promise.all(loops);
  dependencies.logger.info('stopped');
}

async function repeat(
  what: keyof typeof FAILURES,
  step: () => Promise<number>,
  wakeUp: WakeUp,
  dependencies: WatchDependencies,
  { delaySeconds }: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    let wait: number;
    try {
      wait = await step();
      failures = 0;
    } catch (thrown) {
      if (signal.aborted) return;
      failures += 1;
      const retry = backoff(failures, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS);
      wait = Math.min(retry, delaySeconds * 1_000);
      reportFailure(what, thrown, dependencies);
    }
    await wakeUp.wait(wait, signal);
  }
}

/**
 * For `--once`: runs now, due or not, and then delivers alerts.
 * @returns the run's outcome; null if the signal ended it
 * @throws LoggedError if the run or the delivery fails
 */
export async function watchOnce(
  steps: Steps,
  dependencies: WatchDependencies,
  { dryRun }: WatchOptions,
  signal: AbortSignal,
): Promise<RunOutcome | null> {
  let what: keyof typeof FAILURES = 'run';
  let outcome: RunOutcome;
  try {
    outcome = await steps.runNow(signal);
    if (dryRun) return outcome;
    what = 'delivery';
    await deliverPatiently(steps, dependencies, signal);
  } catch (thrown) {
    if (!signal.aborted) {
      reportFailure(what, thrown, dependencies);
      throw new LoggedError(thrown);
    }
    dependencies.logger.info(`stopped in the middle of the ${what}`);
    return null;
  }
  await steps.prune(signal);
  return outcome;
}

async function deliverPatiently(
  steps: Steps,
  { logger }: WatchDependencies,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + DELIVERY_PATIENCE_MILLISECONDS;
  while (!signal.aborted) {
    await steps.deliver(signal);
    const wait = await steps.untilNextAttempt();
    if (wait === null) return;
    if (performance.now() + wait > deadline) {
      logger.warning(
        'some alerts could not be sent yet; they stay in the outbox and are sent by a later run',
      );
      return;
    }
    await pause(Math.max(wait, SHORTEST_PAUSE_MILLISECONDS), signal);
  }
}

function reportFailure(
  what: keyof typeof FAILURES,
  thrown: unknown,
  { metrics, reporter }: WatchDependencies,
): void {
  metrics.increment('bec-alerts.watcher.errors', 1, { what });
  reporter.report(asError(thrown), FAILURES[what]);
}
