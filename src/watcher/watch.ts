import { asError, hasCode, LoggedError } from '../runtime/errors.ts';
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
/** The wait after a failed delivery that left emails unmarked. Another watcher may send them again soon. */
const URGENT_RETRY_MILLISECONDS = 1_000;
const SHORTEST_PAUSE_MILLISECONDS = 100;

const FAILURES = {
  run: 'the run failed; the next one evaluates the same issues',
  delivery: 'delivery failed; alerts stay in the outbox and are delivered later',
  ses_events: "reading SES's events failed; they stay in their queue and are read later",
  canary: 'sending a canary, or looking for one, failed; it is tried again',
} as const;

/**
 * Runs at each interval until the signal fires. At the same time it delivers, and reads SES's events. So a slow SES doesn't
 * delay a run, and a retry doesn't wait for a run. Any number of watchers may work on one database. When a run is due, the watcher that
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
  const loops: Loop[] = [{ what: 'run', step: runs }];
  if (!options.dryRun) {
    const isUrgent = () => steps.hasUnmarked();
    loops.push({ what: 'delivery', step: () => steps.deliver(signal), wakeUp: outbox, isUrgent });
  }
  const { bounces, canary } = steps;
  if (bounces !== null) loops.push({ what: 'ses_events', step: () => bounces.poll(signal) });
  if (canary !== null) loops.push({ what: 'canary', step: () => canary.step(signal) });
  await Promise.all(loops.map((loop) => repeat(loop, dependencies, options, signal)));
  dependencies.logger.info('stopped');
}

interface Loop {
  readonly what: keyof typeof FAILURES;
  /** @returns milliseconds until the next step */
  readonly step: () => Promise<number>;
  /** Ends the wait for the next step. */
  readonly wakeUp?: WakeUp;
  /** Whether a failed step is tried again soon. */
  readonly isUrgent?: () => boolean;
}

async function repeat(
  { what, step, wakeUp = createWakeUp(), isUrgent = () => false }: Loop,
  dependencies: WatchDependencies,
  { delaySeconds }: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  let refused = false;
  while (!signal.aborted) {
    let wait: number;
    try {
      wait = await step();
      failures = 0;
      refused = false;
    } catch (thrown) {
      if (signal.aborted) return;
      failures += 1;
      const retry = backoff(failures, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS);
      wait = isUrgent() ? URGENT_RETRY_MILLISECONDS : Math.min(retry, delaySeconds * 1_000);
      reportFailure(what, thrown, dependencies, refused);
      refused ||= hasCode(thrown, 'queue_refused');
    }
    await wakeUp.wait(wait, signal);
  }
}

/**
 * For `--once`: runs now, due or not, then delivers alerts, and then reads SES's events.
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
  // The run and its alerts are complete, so a failure from here on doesn't make `--once` fail.
  await steps.bounces?.readAll(signal).catch((thrown: unknown) => {
    if (!signal.aborted) reportFailure('ses_events', thrown, dependencies);
  });
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

/** @param refused a person must act, and was asked to before: repeating that would only fill the log */
function reportFailure(
  what: keyof typeof FAILURES,
  thrown: unknown,
  { metrics, reporter }: WatchDependencies,
  refused = false,
): void {
  metrics.increment('bec-alerts.watcher.errors', 1, { what });
  if (refused && hasCode(thrown, 'queue_refused')) return;
  reporter.report(asError(thrown), FAILURES[what]);
}
