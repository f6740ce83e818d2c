import { triggersWithFailures } from '../../db/evaluations.ts';
import type { OwnTriggers, Progress } from '../../db/progress.ts';
import { progressOf } from '../../db/progress.ts';
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
import type { Group } from './select.ts';
import { groupByProgress } from './select.ts';
import type { RunSilences } from './silence.ts';
import { issuesToReevaluate, settleAndRead } from './silence.ts';
import type { SummaryCounter } from './summary.ts';
import { createSummaryCounter } from './summary.ts';

/** The parts and settings that a run needs. */
export interface RunDependencies {
  readonly evaluator: Evaluator;
  readonly settings: EmailSettings;
  readonly bundling: Bundling;
  /** A trigger that is new to the database starts with the issues that changed in this time. */
  readonly sinceMilliseconds: number;
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
  /** The same triggers, by the issues that changed for them. */
  readonly groups: readonly Group<RunTrigger>[];
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
  readonly progress: Progress;
  /** Our ids of the issues whose silence is over, and that the trigger has not evaluated in this run. */
  readonly toReevaluate: Set<string>;
  /** The trigger has failed evaluations from earlier runs. */
  readonly failedBefore: boolean;
  /** Our ids of the issues on which the trigger failed in this run. */
  readonly failedNow: Set<string>;
  /** The trigger took too long on a page of this run, so it gets less time for the following ones. */
  late: boolean;
  readonly summary: SummaryCounter;
}

/** @param cluster the identifier of this cluster */
export async function openRunState(
  tx: Transaction,
  opened: OpenRun,
  cluster: string | null,
  dependencies: RunDependencies,
  signal: AbortSignal,
): Promise<RunState> {
  const { evaluator, settings, bundling, logger, reporter } = dependencies;
  const log = createRunLog(opened.id, logger, reporter);
  const progress = await progressOf(tx, ownTriggers(dependencies), cluster);
  const newSince = new Date(opened.ranAt.getTime() - dependencies.sinceMilliseconds);
  for (const { trigger, last } of progress) if (last === null) log.newTrigger(trigger, newSince);
  const silences = await settleAndRead(tx, opened, progress);
  const emails = new Set(evaluator.triggers.flatMap((trigger) => trigger.emails));
  const recipients = await ensureRecipients(tx, [...emails]);
  const failedBefore = await triggersWithFailures(tx);
  const triggers = evaluator.triggers.map((named): RunTrigger => {
    const own = progress.find(({ trigger }) => trigger === named.name) ?? { trigger: named.name, last: null };
    return {
      named,
      recipients: named.emails.flatMap((email) => recipients.get(email) ?? []),
      progress: own,
      toReevaluate: issuesToReevaluate(silences.over, own),
      failedBefore: failedBefore.has(named.name),
      failedNow: new Set(),
      late: false,
      summary: createSummaryCounter(named.name),
    };
  });
  return {
    tx,
    evaluator,
    opened,
    settings,
    log,
    signal,
    rankings: new Map(),
    bundler: createBundler(bundling),
    triggers,
    groups: groupByProgress(triggers, newSince),
    silences,
    alerts: 0,
    silenced: 0,
    failures: 0,
  };
}

/** The triggers that a run evaluates now. */
export function ownTriggers({
  evaluator,
  sinceMilliseconds,
}: Pick<RunDependencies, 'evaluator' | 'sinceMilliseconds'>): OwnTriggers {
  return { names: evaluator.triggers.map(({ name }) => name), sinceMilliseconds };
}
