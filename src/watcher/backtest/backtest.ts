import type { Past } from '../../db/past.ts';
import { openPast } from '../../db/past.ts';
import type { Stored } from '../../db/past-stored.ts';
import type { Pool } from '../../db/pool.ts';
import { alertsBefore, findRecipients } from '../../db/recipients.ts';
import type { Transaction } from '../../db/transaction.ts';
import { inRolledBackTransaction } from '../../db/transaction.ts';
import type { Step } from '../../domain/step.ts';
import type { RankingCache } from '../evaluator/trigger-context.ts';
import type { ReadyTrigger } from '../triggers/load.ts';
import { rememberNotifications } from './notifications.ts';
import type { Rehearsal, RehearsedFile } from './rehearsal.ts';
import { rehearse } from './rehearsal.ts';
import { stepsOf } from './steps.ts';

/** The triggers of one file, enabled ones only. */
export type TriggerSet = readonly ReadyTrigger[];

export interface BacktestOptions {
  /** UTC days before today. */
  readonly days: number;
  /** One set, or two to compare. */
  readonly sets: readonly TriggerSet[];
  /** Called after each step. @param part the part that is done, 0 to 1 */
  readonly progress: (part: number, step: Step) => void;
  /** Ends the backtest early: it throws the signal's reason. */
  readonly signal: AbortSignal;
}

export interface Backtest {
  readonly steps: readonly Step[];
  readonly stored: Stored;
  /** In the order of the sets. */
  readonly files: readonly RehearsedFile[];
}

const PAGE_SIZE = 500;
const PAGES_AT_A_TIME = 3;

/**
 * Evaluates the stored counts as the runs of the past would have. It does so at the end of each hour, or of each day where
 * no hours are stored. Each step sees the database as it was then. Everything happens in one transaction that is rolled
 * back. It takes no lock, so a watcher may run at the same time.
 * @throws CodedError if the database fails
 */
export async function backtest(pool: Pool, options: BacktestOptions): Promise<Backtest> {
  const { days, sets, progress, signal } = options;
  const work = async (tx: Transaction): Promise<Backtest> => {
    const past = await openPast(tx);
    const steps = stepsOf(past, days);
    const rehearsals = await rehearsalsOf(past, sets, steps[0]?.start ?? past.now);
    for (const [index, step] of steps.entries()) {
      await past.moveTo(step);
      await evaluateStep(past, step, rehearsals, signal);
      progress((index + 1) / steps.length, step);
    }
    return { steps, stored: past, files: rehearsals.map((rehearsal) => rehearsal.result()) };
  };
  return await inRolledBackTransaction(pool, 'testing triggers on the past', work);
}

async function rehearsalsOf(past: Past, sets: readonly TriggerSet[], start: Date): Promise<Rehearsal[]> {
  const emails = [...new Set(sets.flat().flatMap(({ trigger }) => trigger.emails))];
  const recipients = await findRecipients(past.tx, emails);
  const ids = [...recipients.values()].map(({ id }) => id);
  const earlier = await alertsBefore(past.tx, ids, start);
  const compared = sets.length > 1;
  return sets.map((triggers) =>
    rehearse({ past, triggers, recipients, notifications: rememberNotifications(earlier), compared }),
  );
}

/**
 * Issues and rankings don't depend on notifications, so they are read once for all sets. Some pages are evaluated at the
 * same time: while Postgres counts for one, the triggers decide on another.
 */
async function evaluateStep(
  past: Past,
  step: Step,
  rehearsals: readonly Rehearsal[],
  signal: AbortSignal,
): Promise<void> {
  const ids = await past.activeIssues();
  const rankings: RankingCache = new Map();
  const evaluatePage = async (start: number) => {
    const page = await past.issues(ids.slice(start, start + PAGE_SIZE));
    const counts: (() => void)[] = [];
    for (const rehearsal of rehearsals) {
      counts.push(await rehearsal.evaluatePage(page, step, rankings, signal));
    }
    return counts;
  };
  const starts = Array.from({ length: Math.ceil(ids.length / PAGE_SIZE) }, (_, index) => index * PAGE_SIZE);
  for (let next = 0; next < starts.length; next += PAGES_AT_A_TIME) {
    signal.throwIfAborted();
    const pages = starts.slice(next, next + PAGES_AT_A_TIME).map(evaluatePage);
    await Promise.allSettled(pages);
    past.throwIfFailed();
    for (const counts of await Promise.all(pages)) for (const count of counts) count();
  }
}
