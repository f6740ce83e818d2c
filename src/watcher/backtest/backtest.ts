import { issuesById } from '../../db/issues.ts';
import type { Past, Step } from '../../db/past.ts';
import { openPast } from '../../db/past.ts';
import type { Pool } from '../../db/pool.ts';
import { alertsBefore, findRecipients } from '../../db/recipients.ts';
import type { Transaction } from '../../db/transaction.ts';
import { inRolledBackTransaction } from '../../db/transaction.ts';
import type { RankingCache } from '../run/trigger-context.ts';
import type { ReadyTrigger } from '../triggers/load.ts';
import { rememberNotifications } from './notifications.ts';
import type { PastSource } from './past-answers.ts';
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
}

export interface Backtest {
  readonly steps: readonly Step[];
  /** The first UTC day whose hours are all stored; null if no hour is. */
  readonly hoursSince: Date | null;
  /** In the order of the sets. */
  readonly files: readonly RehearsedFile[];
}

const PAGE_SIZE = 500;

/**
 * Evaluates the stored counts as the runs of the past would have. It does so at the end of each hour, or of each day where
 * no hours are stored. Each step sees the database as it was then. Everything happens in one transaction that is rolled back. It
 * takes no lock, so a watcher may run at the same time.
 * @throws CodedError if the database fails
 */
export async function backtest(pool: Pool, options: BacktestOptions): Promise<Backtest> {
  const { days, sets, progress } = options;
  const work = async (tx: Transaction): Promise<Backtest> => {
    const past = await openPast(tx);
    const { now, hoursSince } = past;
    const steps = stepsOf({ now, days, hoursSince });
    const rehearsals = await rehearsalsOf(tx, sets, hoursSince, steps[0]?.start ?? now);
    for (const [index, step] of steps.entries()) {
      await past.moveTo(step);
      await evaluateStep(tx, past, step, rehearsals);
      progress((index + 1) / steps.length, step);
    }
    return { steps, hoursSince, files: rehearsals.map((rehearsal) => rehearsal.result()) };
  };
  return await inRolledBackTransaction(pool, 'testing triggers on the past', work);
}

async function rehearsalsOf(
  tx: Transaction,
  sets: readonly TriggerSet[],
  hoursSince: Date | null,
  start: Date,
): Promise<Rehearsal[]> {
  const emails = [...new Set(sets.flat().flatMap(({ trigger }) => trigger.emails))];
  const recipients = await findRecipients(tx, emails);
  const ids = [...recipients.values()].map(({ id }) => id);
  const earlier = await alertsBefore(tx, ids, start);
  return sets.map((triggers) => {
    const notifications = rememberNotifications(earlier);
    const source: Omit<PastSource, 'onEstimate'> = { tx, hoursSince, notifications };
    return rehearse(triggers, recipients, source);
  });
}

/** Issues and rankings don't depend on notifications, so they are read once for all sets. */
async function evaluateStep(
  tx: Transaction,
  past: Past,
  step: Step,
  rehearsals: readonly Rehearsal[],
): Promise<void> {
  const ids = await past.activeIssues();
  const rankings: RankingCache = new Map();
  for (let from = 0; from < ids.length; from += PAGE_SIZE) {
    const page = await issuesById(tx, ids.slice(from, from + PAGE_SIZE));
    for (const rehearsal of rehearsals) await rehearsal.evaluatePage(page, step, rankings);
  }
}
