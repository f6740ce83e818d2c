import { millisecondsUntilNextAttempt } from '../db/outbox.ts';
import { checkDatabase } from '../db/pool.ts';
import { RUN_LOCK, withLock } from '../db/transaction.ts';
import { asError } from '../runtime/errors.ts';
import { backoff, pause } from '../runtime/loop.ts';
import type { WatcherDependencies, WatcherOptions } from './steps.ts';
import { deliveryTurn, pruneTurn, runAndTell, runTurn } from './steps.ts';
import type { Bell } from './wake-up.ts';
import { createBell } from './wake-up.ts';

/** How long `--once` waits for another watcher's run to end. */
const PATIENCE_MILLISECONDS = 60_000;
/** How long `--once` tries to deliver what SES doesn't take at first; after that a later run does. */
const DELIVERY_PATIENCE_MILLISECONDS = 20_000;
/** How soon what failed is tried again: sooner than a long interval, but not at once, and ever more seldom. */
const FIRST_RETRY_MILLISECONDS = 10_000;
const LONGEST_RETRY_MILLISECONDS = 600_000;

const FAILURES = {
  run: 'the run failed; the next one judges what it would have judged',
  delivery: 'delivery failed; alerts stay in the outbox and are delivered later',
} as const;

/**
 * Runs every `delaySeconds` until the signal fires, and delivers alongside: a slow SES puts no run off, and a retry
 * waits for no run. Any number of watchers may do so on one database: whoever takes the lock when a run is due does
 * it, the others find it done.
 */
export async function watch(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  const outbox = createBell();
  const runs = async () => {
    const wait = await runTurn(dependencies, options, signal);
    outbox.ring();
    return wait;
  };
  const repeat = (what: keyof typeof FAILURES, turn: () => Promise<number>, bell: Bell) =>
    loop(dependencies, options, what, turn, bell, signal);
  const loops = [repeat('run', runs, createBell())];
  if (!options.dryRun) {
    const deliveries = () => deliveryTurn(dependencies, options, signal);
    loops.push(repeat('delivery', deliveries, outbox));
  }
  await Promise.all(loops);
  dependencies.logger.info('stopped');
}

async function loop(
  { metrics, reporter }: WatcherDependencies,
  { delaySeconds }: WatcherOptions,
  what: keyof typeof FAILURES,
  turn: () => Promise<number>,
  bell: Bell,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    let wait: number;
    try {
      wait = await turn();
      failures = 0;
    } catch (thrown) {
      if (signal.aborted) return;
      failures += 1;
      const retry = backoff(failures, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS);
      wait = Math.min(retry, delaySeconds * 1_000);
      metrics.increment('bec-alerts.watcher.errors', 1, { what });
      reporter.report(asError(thrown), FAILURES[what]);
    }
    await bell.wait(wait, signal);
  }
}

/** `--once`: one run at once, due or not, and what can be delivered. @throws if it can't be done */
export async function watchOnceNow(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  const { metrics, reporter, logger } = dependencies;
  let what: keyof typeof FAILURES = 'run';
  try {
    await runNow(dependencies, options, signal);
    if (options.dryRun) return;
    what = 'delivery';
    await deliverPatiently(dependencies, options, signal);
  } catch (error) {
    if (!signal.aborted) {
      metrics.increment('bec-alerts.watcher.errors', 1, { what });
      reporter.report(asError(error), FAILURES[what]);
      throw error;
    }
    logger.info(`stopped in the middle of the ${what}`);
    return;
  }
  await pruneTurn(dependencies, options, signal);
}

async function runNow(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  const { pool } = dependencies;
  await checkDatabase(pool);
  const done = await withLock(
    pool,
    RUN_LOCK,
    PATIENCE_MILLISECONDS,
    (client) => runAndTell(dependencies, options, client, signal),
    signal,
  );
  if (done === null) {
    throw new Error(
      `another watcher's run went on for ${PATIENCE_MILLISECONDS / 1_000} s; nothing was done, try again later`,
    );
  }
}

async function deliverPatiently(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  const { pool, pace, logger } = dependencies;
  const deadline = performance.now() + DELIVERY_PATIENCE_MILLISECONDS;
  while (!signal.aborted) {
    await deliveryTurn(dependencies, options, signal);
    const next = await millisecondsUntilNextAttempt(pool);
    if (next === null) return;
    const wait = Math.max(next, pace.pausedFor(), 0);
    if (performance.now() + wait > deadline) {
      logger.warning('alerts stay in the outbox; a later run delivers them');
      return;
    }
    await pause(Math.max(wait, 100), signal);
  }
}
