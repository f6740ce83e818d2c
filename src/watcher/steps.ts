import { DELIVERY_LOCK, withLock } from '../db/locks.ts';
import type { Waiting } from '../db/outbox.ts';
import { waitingAlerts } from '../db/outbox.ts';
import type { Db, Pool } from '../db/pool.ts';
import { millisecondsUntilDue } from '../db/progress.ts';
import { prune } from '../db/prune.ts';
import { checkDatabase } from '../db/readiness.ts';
import type { Transaction } from '../db/transaction.ts';
import { plural } from '../domain/text.ts';
import { asError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { BounceReader } from './bounces/read-bounces.ts';
import type { Canary } from './canary/canary.ts';
import type { Delivery } from './delivery/deliver.ts';
import type { NoRun, RunOptions, RunOutcome } from './run/run.ts';
import { run } from './run/run.ts';
import type { RunDependencies } from './run/run-state.ts';
import { ownTriggers } from './run/run-state.ts';

/** The steps of the watcher's work. The daemon repeats them; `--once` does each once. */
export interface Steps {
  /** Runs if a run is due. @returns milliseconds until the next run is due */
  runIfDue(signal: AbortSignal): Promise<number>;
  /** Runs now, due or not. Waits for another watcher's run to end. @throws if that takes too long */
  runNow(signal: AbortSignal): Promise<RunOutcome>;
  /**
   * Marks the emails that SES accepted. Then delivers the alerts that are due; only one watcher does so at a time.
   * @returns milliseconds until the next check
   */
  deliver(signal: AbortSignal): Promise<number>;
  /** Whether SES accepted emails that could not be marked as sent yet. */
  hasUnmarked(): boolean;
  /** Milliseconds until the next attempt to send an email; null if no alert is pending. */
  untilNextAttempt(): Promise<number | null>;
  /** Deletes old rows. A failure is reported, but doesn't make the run fail. */
  prune(signal: AbortSignal): Promise<void>;
  /** Reads SES's events; null if there is no queue of them, and in a dry run. */
  readonly bounces: BounceReader | null;
  /** Sends canaries; null if none are wanted. */
  readonly canary: Canary | null;
}

export interface StepsDependencies {
  readonly pool: Pool;
  readonly run: RunDependencies;
  readonly delivery: Delivery;
  readonly bounces: BounceReader | null;
  readonly canary: Canary | null;
  readonly metrics: Metrics;
  /** Shows the emails of a dry run, inside its transaction. */
  readonly preview: (tx: Transaction, runId: string) => Promise<void>;
}

export interface StepsOptions {
  readonly dryRun: boolean;
  readonly delaySeconds: number;
  readonly retentionDays: number;
}

/** How long `--once` waits for another watcher's run to end. */
const PATIENCE_MILLISECONDS = 60_000;
/** A watcher that found another one at work checks again after this time, because the other one may have died. */
const STANDBY_MILLISECONDS = 1_000;
/** A watcher checks at least this often for alerts that another watcher left pending. */
const LONGEST_WAIT_MILLISECONDS = 30_000;
/** Marking is tried every second or so. It fails without a report for this long, and then again after each report. */
const QUIET_MILLISECONDS = 60_000;
/** A larger deletion continues after the next run, so that it doesn't delay that run. */
const PRUNE_MILLISECONDS = 30_000;

export function createSteps(dependencies: StepsDependencies, options: StepsOptions): Steps {
  const { pool, delivery } = dependencies;
  const { logger } = dependencies.run;
  const interval = options.delaySeconds * 1_000;
  const untilDue = () => millisecondsUntilDue(pool, options.delaySeconds, ownTriggers(dependencies.run));
  const markAccepted = marking(dependencies);

  return {
    async runIfDue(signal) {
      await checkDatabase(pool);
      // A dry run stores no run, so the database can't say when the next one is due.
      if (options.dryRun) {
        await runAndLog(dependencies, options, {}, signal);
        return interval;
      }
      const early = await untilDue();
      if (early > 0) {
        logger.info(`the next run is due in ${Math.ceil(early / 1_000)} s`);
        return early;
      }
      const { delaySeconds } = options;
      const done = await runAndLog(dependencies, options, { delaySeconds }, signal);
      if (done === 'another-runs') {
        logger.debug('another watcher is running; standing by');
        return Math.min(STANDBY_MILLISECONDS, interval);
      }
      await pruneOld(dependencies, options, signal);
      return Math.max(0, await untilDue());
    },

    async runNow(signal) {
      await checkDatabase(pool);
      const patience = { waitMilliseconds: PATIENCE_MILLISECONDS };
      const done = await runAndLog(dependencies, options, patience, signal);
      if (typeof done !== 'string') return done;
      const seconds = PATIENCE_MILLISECONDS / 1_000;
      throw new Error(
        `another watcher's run took longer than ${seconds} s; nothing was done, try again later`,
      );
    },

    async deliver(signal) {
      if (!(await markAccepted())) return STANDBY_MILLISECONDS;
      const longest = Math.min(interval, LONGEST_WAIT_MILLISECONDS);
      const { untilNextAttempt } = await measureWaiting(dependencies);
      const held = delivery.pausedFor();
      if (held > 0) return Math.min(held, longest);
      const nothingDue = untilNextAttempt === null || untilNextAttempt > 0;
      if (nothingDue) return Math.min(untilNextAttempt ?? longest, longest);
      const done = await withLock(pool, DELIVERY_LOCK, 0, (db) =>
        deliverAndLog(delivery, logger, db, signal),
      ).catch((error: unknown) => markAndThrow(delivery, pool, error));
      if (done === null) return STANDBY_MILLISECONDS;
      return Math.min(Math.max(delivery.pausedFor(), 0), longest);
    },

    hasUnmarked: () => delivery.hasUnmarked(),

    prune: (signal) => pruneOld(dependencies, options, signal),

    bounces: dependencies.bounces,
    canary: dependencies.canary,

    async untilNextAttempt() {
      const { untilNextAttempt } = await waitingAlerts(pool);
      return untilNextAttempt === null ? null : Math.max(untilNextAttempt, delivery.pausedFor(), 0);
    },
  };
}

async function measureWaiting({ pool, metrics }: StepsDependencies): Promise<Waiting> {
  const waiting = await waitingAlerts(pool);
  metrics.gauge('bec-alerts.watcher.pending.seconds', waiting.oldestSeconds);
  return waiting;
}

async function runAndLog(
  { pool, run: dependencies, preview, metrics }: StepsDependencies,
  { dryRun }: StepsOptions,
  when: Pick<RunOptions, 'delaySeconds' | 'waitMilliseconds'>,
  signal: AbortSignal,
): Promise<RunOutcome | NoRun> {
  const options = dryRun ? { ...when, dryRun, inspect: preview } : { ...when, dryRun };
  const outcome = await run(pool, dependencies, options, signal).finally(() => {
    // Also after a run that failed, because a trigger counts as left out from there on.
    if (!dryRun) metrics.gauge('bec-alerts.watcher.triggers.left_out', dependencies.evaluator.leftOut.length);
  });
  if (typeof outcome === 'string') return outcome;
  logOutcome(dependencies, outcome, dryRun);
  if (dryRun) return outcome;
  metrics.increment('bec-alerts.watcher.health');
  metrics.increment('bec-alerts.watcher.alerts', outcome.alerts);
  metrics.increment('bec-alerts.watcher.silenced', outcome.silenced);
  metrics.increment('bec-alerts.watcher.errors', outcome.failures, { what: 'judgement' });
  metrics.distribution('bec-alerts.watcher.run.duration', outcome.durationMilliseconds);
  return outcome;
}

function logOutcome(
  { evaluator, logger }: RunDependencies,
  { id, issues, alerts, silenced, failures, queries, durationMilliseconds }: RunOutcome,
  dryRun: boolean,
): void {
  const dropped = silenced === 0 ? '' : `, ${silenced} dropped because of a silence`;
  const failed = failures === 0 ? '' : `, and ${plural(failures, 'evaluation')} failed`;
  const evaluated = `evaluated ${plural(issues, 'issue')} with ${plural(evaluator.triggers.length, 'trigger')}`;
  logger.info(`${evaluated}: ${plural(alerts, 'alert')}${dropped}${failed}`, {
    ...(dryRun ? { dry_run: true } : { run: id }),
    issues,
    alerts,
    silenced,
    failures,
    queries,
    duration_ms: durationMilliseconds,
  });
}

async function deliverAndLog(delivery: Delivery, logger: Logger, db: Db, signal: AbortSignal): Promise<void> {
  const { sent, deferred, failed } = await delivery.deliver(db, signal);
  if (sent + deferred + failed > 0) logger.info('delivery finished', { sent, deferred, failed });
}

/**
 * Marks the emails that SES accepted. This needs no lock of the delivery. Another watcher may hold that lock for minutes,
 * and would send the emails again once their claims have ended.
 * @returns a function that returns whether all are marked
 */
function marking(dependencies: StepsDependencies): () => Promise<boolean> {
  const { pool, delivery } = dependencies;
  let nextReport: number | null = null;
  return async () => {
    try {
      await delivery.markAccepted(pool);
      nextReport = null;
      return true;
    } catch (error) {
      const now = performance.now();
      nextReport ??= now + QUIET_MILLISECONDS;
      // Monitors must see that alerts wait.
      await measureWaiting(dependencies).catch(() => {});
      if (now < nextReport) return false;
      nextReport = now + QUIET_MILLISECONDS;
      throw error;
    }
  };
}

/**
 * Perhaps the connection failed. Emails that SES accepted are marked at once through another connection, because they
 * would otherwise be sent again.
 */
async function markAndThrow(delivery: Delivery, pool: Pool, error: unknown): Promise<never> {
  await delivery.markAccepted(pool).catch(() => {});
  throw error;
}

async function pruneOld(
  { pool, run: { logger, reporter } }: StepsDependencies,
  { retentionDays }: StepsOptions,
  signal: AbortSignal,
): Promise<void> {
  try {
    const enough = AbortSignal.any([signal, AbortSignal.timeout(PRUNE_MILLISECONDS)]);
    const rows = await prune(pool, retentionDays, enough);
    if (rows > 0) logger.info('pruned old rows', { rows });
  } catch (thrown) {
    reporter.report(asError(thrown), 'pruning old rows failed; it is tried again after the next run');
  }
}
