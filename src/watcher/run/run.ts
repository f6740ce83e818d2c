import { orDatabaseError } from '../../db/errors.ts';
import { changedIssues } from '../../db/issues.ts';
import { inRunTransaction, RUN_LOCK, withLock } from '../../db/locks.ts';
import type { Db, Pool } from '../../db/pool.ts';
import { millisecondsUntilDue } from '../../db/progress.ts';
import { foreignSnapshots, restampChanges } from '../../db/restore.ts';
import { clusterOf, finishRun, openRun } from '../../db/runs.ts';
import type { Transaction } from '../../db/transaction.ts';
import type { Logger } from '../../runtime/logger.ts';
import { processPage } from './process-page.ts';
import { reevaluateSilenced } from './reevaluate-silenced.ts';
import { retryFailed } from './retry-evaluations.ts';
import type { RunDependencies, RunState } from './run-state.ts';
import { openRunState, ownTriggers } from './run-state.ts';
import type { TriggerSummary } from './summary.ts';

export interface RunOutcome {
  readonly id: string;
  /** Issues evaluated because they changed. */
  readonly issues: number;
  readonly alerts: number;
  /** Alerts that were dropped because of a silence. */
  readonly silenced: number;
  /** Evaluations that failed. */
  readonly failures: number;
  /** Statements sent to Postgres. */
  readonly queries: number;
  /** From the lock to the commit, without the wait for another run. */
  readonly durationMilliseconds: number;
  /** In the triggers' order. */
  readonly triggers: readonly TriggerSummary[];
}

export interface RunOptions {
  /** Rolls everything back at the end. */
  readonly dryRun: boolean;
  /** Called before the transaction ends, so that it can read everything that the run wrote. */
  readonly inspect?: (tx: Transaction, runId: string) => Promise<void>;
  /** The run's time. Default: now, by the database's clock. Only a replay of past events sets it. */
  readonly at?: Date;
  /** Runs only if the last run began at least this long ago. Default: runs in any case. */
  readonly delaySeconds?: number;
  /** How long to wait for another watcher's run to end. Default: not at all. */
  readonly waitMilliseconds?: number;
}

/** Why there was no run: another watcher is running, or has run in the meantime. */
export type NoRun = 'another-runs' | 'not-due';

/**
 * Issues evaluated at a time. Large enough to keep statements few (five for each page), and small enough to limit
 * memory. Measured: 1,000 took 10 MB more memory and no less time.
 */
const PAGE_SIZE = 500;

/**
 * Does one run, in one transaction with one snapshot, which no other run shares. It selects the issues that changed for
 * each trigger, and evaluates them page by page. It evaluates issues again whose silence is over, retries evaluations
 * that failed in earlier runs, and finishes. The alerts, the notified recipients and the finished run are committed
 * together. A dry run rolls them back together.
 * @param signal ends the run between two pages, or while a trigger is slow. The run is then rolled back, and the next
 * run evaluates the same issues
 */
export async function run(
  pool: Pool,
  dependencies: RunDependencies,
  options: RunOptions,
  signal: AbortSignal,
): Promise<RunOutcome | NoRun> {
  const { dryRun, inspect, at, delaySeconds, waitMilliseconds = 0 } = options;
  const cluster = await orDatabaseError('asking for the cluster', clusterOf(pool));
  const ready = await repairRestored(pool, cluster, dependencies.logger, options, signal);
  if (!ready) return 'another-runs';
  const transaction = { keep: !dryRun, waitMilliseconds, signal };
  let started = 0;
  const done = await inRunTransaction(pool, transaction, async (tx) => {
    started = performance.now();
    // Another watcher may have finished a run after the first check and before this transaction got the lock.
    const own = ownTriggers(dependencies);
    if (delaySeconds !== undefined && (await millisecondsUntilDue(tx, delaySeconds, own)) > 0) return null;
    const opened = await openRun(tx, cluster, at);
    const state = await openRunState(tx, opened, cluster, dependencies, signal);
    try {
      const issues = await evaluateChanged(state);
      // Before the retries, which leave out evaluations that succeed or fail here.
      await reevaluateSilenced(state, PAGE_SIZE);
      await retryFailed(state, PAGE_SIZE);
      signal.throwIfAborted();
      const leftOut = dependencies.evaluator.leftOut.map(({ name }) => name);
      await finishRun(tx, opened.id, { issues, alerts: state.alerts, triggers: own.names, leftOut });
      await inspect?.(tx, opened.id);
      return outcomeOf(state, issues);
    } finally {
      dependencies.evaluator.runEnded();
      state.log.errors(state.triggers.map(({ summary }) => summary.summary()));
    }
  });
  if (done === null) return 'another-runs';
  if (done.result === null) return 'not-due';
  return { ...done.result, durationMilliseconds: Math.round(performance.now() - started) };
}

/** @returns the number of issues that changed for at least one trigger */
async function evaluateChanged(state: RunState): Promise<number> {
  const conditions = state.groups.map(({ changed }) => changed);
  let evaluated = 0;
  for await (const page of changedIssues(state.tx, conditions, PAGE_SIZE)) {
    for (const { issues, meets } of page) {
      state.signal.throwIfAborted();
      state.log.evaluating(issues);
      const due = new Set(meets.flatMap((place) => state.groups[place]?.triggers ?? []));
      const triggers = state.triggers.filter((trigger) => due.has(trigger));
      await processPage(state, triggers, { issues, why: 'changed' });
      for (const { toReevaluate } of triggers) for (const { id } of issues) toReevaluate.delete(id);
      evaluated += issues.length;
    }
  }
  return evaluated;
}

function outcomeOf(state: RunState, issues: number): Omit<RunOutcome, 'durationMilliseconds'> {
  const { tx, opened, alerts, silenced, failures, triggers } = state;
  return {
    id: opened.id,
    issues,
    alerts,
    silenced,
    failures,
    queries: tx.statements(),
    triggers: triggers.map(({ summary }) => summary.summary()),
  };
}

/**
 * After a restore from a dump, gives the issues and the progress of all triggers numbers of this cluster. This happens
 * before the run and outside of its transaction, because the run must neither wait for the processor nor make it wait.
 * A dry run skips it, and evaluates the same issues without it.
 * @returns false if another watcher is running
 */
async function repairRestored(
  pool: Pool,
  cluster: string | null,
  logger: Logger,
  { dryRun, waitMilliseconds = 0 }: RunOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const foreign = await orDatabaseError('asking for the last runs', foreignSnapshots(pool, cluster));
  if (foreign.length === 0) return true;
  const restamp = async (db: Db) => restampChanges(db, await foreignSnapshots(db, cluster), cluster);
  const done = dryRun ? { result: 0 } : await withLock(pool, RUN_LOCK, waitMilliseconds, restamp, signal);
  if (done === null) return false;
  logger.warning(
    'the database was restored from a dump: evaluating the issues that its last run had not seen, and newer changes',
    { last_run: foreign.at(-1)?.runId, restamped: done.result },
  );
  return true;
}
