import type pg from 'pg';
import { millisecondsUntilNextAttempt } from '../db/outbox.ts';
import type { Pool } from '../db/pool.ts';
import { checkDatabase } from '../db/pool.ts';
import { prune } from '../db/prune.ts';
import { millisecondsUntilDue } from '../db/runs.ts';
import { DELIVERY_LOCK, RUN_LOCK, withLock } from '../db/transaction.ts';
import { plural } from '../domain/text.ts';
import type { Email } from '../mail/mailer.ts';
import { asError } from '../runtime/errors.ts';
import type { ComposeSettings } from './delivery/build-email.ts';
import type { DeliveryDependencies } from './delivery/deliver.ts';
import { deliver, settle } from './delivery/deliver.ts';
import { preview } from './delivery/preview.ts';
import type { JudgeDependencies } from './run/process-page.ts';
import { run } from './run/run.ts';

export interface WatcherOptions {
  readonly dryRun: boolean;
  readonly delaySeconds: number;
  readonly retentionDays: number;
  readonly counterName: string;
}

export interface WatcherDependencies extends Omit<JudgeDependencies, 'settings'>, DeliveryDependencies {
  readonly pool: Pool;
  readonly settings: ComposeSettings;
  /** Shows an email of a dry run, which is never mailed. */
  readonly show: (email: Email) => Promise<void>;
}

/** How soon a watcher that found another one at work looks again: that one may have died. */
const STANDBY_MILLISECONDS = 1_000;
/** At least this often a watcher looks for alerts that another one left behind. */
const LONGEST_WAIT_MILLISECONDS = 30_000;
/** A large deletion goes on after the next run instead of putting it off. */
const PRUNE_MILLISECONDS = 30_000;

/** Runs if a run is due. @returns milliseconds until the next one is */
export async function runTurn(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  signal: AbortSignal,
): Promise<number> {
  const { pool, logger } = dependencies;
  const interval = options.delaySeconds * 1_000;
  await checkDatabase(pool);
  // A dry run leaves no run behind to count from.
  if (options.dryRun) {
    await withLock(pool, RUN_LOCK, 0, (client) => runAndTell(dependencies, options, client, signal), signal);
    return interval;
  }
  const early = await millisecondsUntilDue(pool, options.delaySeconds);
  if (early > 0) {
    logger.info(`the next run is due in ${Math.ceil(early / 1_000)} s`);
    return early;
  }
  const runIfDue = async (client: pg.PoolClient) => {
    // Another watcher may have finished its run between our question and our lock.
    if ((await millisecondsUntilDue(client, options.delaySeconds)) > 0) return;
    await runAndTell(dependencies, options, client, signal);
  };
  const done = await withLock(pool, RUN_LOCK, 0, runIfDue, signal);
  if (done === null) {
    logger.debug('another watcher is running; standing by');
    return Math.min(STANDBY_MILLISECONDS, interval);
  }
  await pruneTurn(dependencies, options, signal);
  return Math.max(0, await millisecondsUntilDue(pool, options.delaySeconds));
}

export async function runAndTell(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  client: Parameters<typeof run>[0],
  signal: AbortSignal,
): Promise<void> {
  const { logger, metrics, triggers, settings, show } = dependencies;
  const { dryRun } = options;
  const started = performance.now();
  const outcome = await run(client, dependencies, dryRun, signal, async (tx, runId) => {
    if (dryRun) await preview(tx, runId, settings, show);
  });
  const duration = Math.round(performance.now() - started);
  const { id, issues, alerts, failures, queries } = outcome;
  const failed = failures === 0 ? '' : `, and ${plural(failures, 'judgement')} failed`;
  logger.info(
    `evaluated ${plural(issues, 'issue')} with ${plural(triggers.length, 'trigger')}: ${plural(alerts, 'alert')}${failed}`,
    {
      ...(dryRun ? { dry_run: true } : { run: id }),
      issues,
      alerts,
      failures,
      queries,
      duration_ms: duration,
    },
  );
  if (dryRun) return;
  metrics.increment(options.counterName);
  metrics.increment('bec-alerts.watcher.alerts', alerts);
  metrics.increment('bec-alerts.watcher.errors', failures, { what: 'judgement' });
  metrics.distribution('bec-alerts.watcher.run.duration', duration);
}

/** Deletes what is old; a failure is no failure of the run. */
export async function pruneTurn(
  { pool, logger, reporter }: WatcherDependencies,
  { retentionDays }: WatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  try {
    const enough = AbortSignal.any([signal, AbortSignal.timeout(PRUNE_MILLISECONDS)]);
    const rows = await prune(pool, retentionDays, enough);
    if (rows > 0) logger.info('pruned old rows', { rows });
  } catch (thrown) {
    reporter.report(asError(thrown), 'pruning old rows failed; it goes on after the next run');
  }
}

/** Delivers what is due in the outbox, one watcher at a time. @returns milliseconds until there may be more to do */
export async function deliveryTurn(
  dependencies: WatcherDependencies,
  options: WatcherOptions,
  signal: AbortSignal,
): Promise<number> {
  const { pool, pace, taken, logger } = dependencies;
  const held = pace.pausedFor();
  if (held > 0) return held;
  const longest = Math.min(options.delaySeconds * 1_000, LONGEST_WAIT_MILLISECONDS);
  const waiting = await millisecondsUntilNextAttempt(pool);
  if (taken.length === 0 && (waiting === null || waiting > 0)) return Math.min(waiting ?? longest, longest);
  const done = await withLock(pool, DELIVERY_LOCK, 0, async (client) => {
    const delivery = await deliver(client, dependencies, signal);
    if (delivery.sent + delivery.deferred + delivery.failed > 0) logger.info('delivery', { ...delivery });
  }).catch(async (error: unknown) => {
    // The connection may be what failed: what SES took is marked on another at once, lest it be sent again.
    await settle(pool, taken).catch(() => {});
    throw error;
  });
  if (done === null) return STANDBY_MILLISECONDS;
  return Math.max(pace.pausedFor(), 0);
}
