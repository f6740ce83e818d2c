import { alertsOfRun } from '../db/alerts.ts';
import type { Pool } from '../db/pool.ts';
import { checkDatabase } from '../db/pool.ts';
import { prune } from '../db/prune.ts';
import { millisecondsUntilDue } from '../db/runs.ts';
import type { Transaction } from '../db/transaction.ts';
import { DELIVERY_LOCK, RUN_LOCK, withLock } from '../db/transaction.ts';
import type { Alert } from '../domain/alert.ts';
import type { Mailer } from '../mail/mailer.ts';
import { asError } from '../runtime/errors.ts';
import { pause } from '../runtime/loop.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { deliver } from './deliver.ts';
import type { RunDependencies, RunOutcome } from './run.ts';
import { run } from './run.ts';

export interface WatcherOptions {
  readonly once: boolean;
  readonly dryRun: boolean;
  readonly delaySeconds: number;
  readonly retentionDays: number;
  readonly counterName: string;
}

export interface WatcherDependencies extends RunDependencies {
  readonly pool: Pool;
  readonly metrics: Metrics;
  readonly mailer: Mailer;
  /** Shows alerts of a dry run, which are never mailed. */
  readonly preview: (alert: Alert) => Promise<void>;
}

/** How long `--once` waits for another watcher's run to end. */
const PATIENCE_MILLISECONDS = 60_000;
const PREVIEW_PAGE = 100;

/**
 * Runs every `delaySeconds` until the signal fires. Any number of watchers may do so on one database: whoever takes
 * the lock when a run is due does it, the others find it done.
 */
export async function watch(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  const { logger, reporter, metrics } = dependencies;
  while (!signal.aborted) {
    let wait = options.delaySeconds * 1_000;
    try {
      wait = await watchOnce(dependencies, options, signal);
    } catch (thrown) {
      metrics.increment('bec-alerts.watcher.errors');
      reporter.report(asError(thrown), 'the run failed; the next one judges what it would have judged');
    }
    await pause(wait, signal);
  }
  logger.info('stopped');
}

/** Runs if a run is due. @returns milliseconds until the next one is */
async function watchOnce(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  signal: AbortSignal,
): Promise<number> {
  const { pool, logger } = dependencies;
  const interval = options.delaySeconds * 1_000;
  await checkDatabase(pool);
  // A dry run leaves no run behind to count from.
  if (options.dryRun) {
    await withLock(pool, RUN_LOCK, 0, (client) => runAndTell(dependencies, options, client));
    return interval;
  }
  const early = await millisecondsUntilDue(pool, options.delaySeconds);
  if (early > 0) {
    logger.info(`the next run is due in ${Math.ceil(early / 1_000)} s`);
    return early;
  }
  const done = await withLock(pool, RUN_LOCK, 0, async (client) => {
    // Another watcher may have finished its run between our question and our lock.
    if ((await millisecondsUntilDue(client, options.delaySeconds)) <= 0)
      await runAndTell(dependencies, options, client);
  });
  if (done === null) {
    logger.info('another watcher is running; standing by');
    return Math.min(1_000, interval);
  }
  await afterRun(dependencies, options, signal);
  return Math.max(0, await millisecondsUntilDue(pool, options.delaySeconds));
}

/** `--once`: one run at once, due or not. @throws if it can't be done */
export async function watchOnceNow(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  await checkDatabase(dependencies.pool);
  const done = await withLock(dependencies.pool, RUN_LOCK, PATIENCE_MILLISECONDS, (client) =>
    runAndTell(dependencies, options, client),
  );
  if (done === null) {
    throw new Error(
      `another watcher's run went on for ${PATIENCE_MILLISECONDS / 1_000} s; nothing was done, try again later`,
    );
  }
  if (!options.dryRun) await afterRun(dependencies, options, signal);
}

async function runAndTell(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  client: Parameters<typeof run>[0],
): Promise<RunOutcome> {
  const { logger, metrics, triggers, preview } = dependencies;
  const started = performance.now();
  const show = (tx: Transaction, runId: string) => previewAlerts(tx, runId, preview);
  const outcome = await run(client, dependencies, options.dryRun, options.dryRun ? show : undefined);
  const duration = Math.round(performance.now() - started);
  const { issues, alerts, failures } = outcome;
  logger.info(
    `evaluated ${issues} ${issues === 1 ? 'issue' : 'issues'} with ${triggers.length} triggers: ${alerts} ${alerts === 1 ? 'alert' : 'alerts'}`,
    {
      ...(options.dryRun ? { dry_run: true } : { run: outcome.id }),
      issues,
      alerts,
      failures,
      duration_ms: duration,
    },
  );
  if (!options.dryRun) {
    metrics.increment(options.counterName);
    metrics.increment('bec-alerts.watcher.alerts', alerts);
    metrics.increment('bec-alerts.watcher.errors', failures);
    metrics.distribution('bec-alerts.watcher.run.duration', duration);
  }
  return outcome;
}

async function previewAlerts(
  tx: Transaction,
  runId: string,
  preview: (alert: Alert) => Promise<void>,
): Promise<void> {
  let after = '0';
  while (true) {
    const alerts = await alertsOfRun(tx, runId, after, PREVIEW_PAGE);
    for (const alert of alerts) await preview(alert);
    after = alerts.at(-1)?.id ?? after;
    if (alerts.length < PREVIEW_PAGE) return;
  }
}

/** What follows a run outside of its transaction: delivery and pruning, by one watcher at a time. */
async function afterRun(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  const { pool, mailer, logger, reporter } = dependencies;
  await withLock(pool, DELIVERY_LOCK, 0, async (client) => {
    const delivery = await deliver(client, mailer, logger, reporter, signal);
    if (delivery.sent + delivery.deferred + delivery.failed > 0) logger.info('delivery', { ...delivery });
    const pruned = await prune(client, options.retentionDays, signal);
    if (pruned > 0) logger.info('pruned old rows', { rows: pruned });
  });
}
