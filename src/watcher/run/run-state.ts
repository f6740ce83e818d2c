import { triggersWithFailures } from '../../db/evaluations.ts';
import { ensureRecipients } from '../../db/recipients.ts';
import type { OpenRun } from '../../db/runs.ts';
import type { Transaction } from '../../db/transaction.ts';
import type { Recipient } from '../../domain/trigger.ts';
import type { EmailSettings } from '../../mail/email-settings.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Reporter } from '../../runtime/report.ts';
import type { Evaluator, NamedTrigger } from '../evaluator/evaluator.ts';
import type { RankingCache } from '../evaluator/trigger-context.ts';
import type { Bundler, Bundling } from './bundle.ts';
import { createBundler } from './bundle.ts';
import type { RunLog } from './log.ts';
import { createRunLog } from './log.ts';
import type { RunSilences } from './silence.ts';
import { settleAndRead } from './silence.ts';
import type { SummaryCounter } from './summary.ts';
import { createSummaryCounter } from './summary.ts';

/** The parts and settings that a run needs. */
export interface RunDependencies {
  readonly evaluator: Evaluator;
  readonly settings: EmailSettings;
  readonly bundling: Bundling;
  readonly logger: Logger;
  readonly reporter: Reporter;
}

/** The state of a run, kept and counted from page to page. */
export interface RunState {
  readonly tx: Transaction;
  readonly evaluator: Evaluator;
  readonly opened: OpenRun;
  readonly settings: EmailSettings;
  readonly log: RunLog;
  /** Makes the run fail. */
  readonly signal: AbortSignal;
  readonly rankings: RankingCache;
  readonly bundler: Bundler;
  readonly triggers: readonly RunTrigger[];
  readonly silences: RunSilences;
  alerts: number;
  /** Alerts that were dropped because of a silence. */
  silenced: number;
  failures: number;
}

/** A trigger in one run. */
export interface RunTrigger {
  readonly named: NamedTrigger;
  readonly recipients: readonly Recipient[];
  /** The trigger has failed evaluations from earlier runs. */
  readonly failedBefore: boolean;
  /** Our ids of the issues on which the trigger failed in this run. */
  readonly failedNow: Set<string>;
  /** The trigger took too long on a page of this run, so it gets less time for the following ones. */
  late: boolean;
  readonly summary: SummaryCounter;
}

export async function openRunState(
  tx: Transaction,
  opened: OpenRun,
  { evaluator, settings, bundling, logger, reporter }: RunDependencies,
  signal: AbortSignal,
): Promise<RunState> {
  const silences = await settleAndRead(tx, opened.ranAt);
  const emails = new Set(evaluator.triggers.flatMap((trigger) => trigger.emails));
  const recipients = await ensureRecipients(tx, [...emails]);
  const failedBefore = await triggersWithFailures(tx);
  return {
    tx,
    evaluator,
    opened,
    settings,
    log: createRunLog(opened.id, logger, reporter),
    signal,
    rankings: new Map(),
    bundler: createBundler(bundling),
    triggers: evaluator.triggers.map((named) => ({
      named,
      recipients: named.emails.flatMap((email) => recipients.get(email) ?? []),
      failedBefore: failedBefore.has(named.name),
      failedNow: new Set(),
      late: false,
      summary: createSummaryCounter(named.name),
    })),
    silences,
    alerts: 0,
    silenced: 0,
    failures: 0,
  };
}
