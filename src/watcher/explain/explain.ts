import type { TriggerFailure } from '../../db/evaluations.ts';
import { failuresOf, MAX_ATTEMPTS } from '../../db/evaluations.ts';
import { hasChanged, issueByGroupId } from '../../db/issues.ts';
import type { ForgottenAlert, Listed, PastAlert } from '../../db/notification-history.ts';
import { alertsAbout, forgottenAlerts } from '../../db/notification-history.ts';
import type { Pool } from '../../db/pool.ts';
import type { Progress } from '../../db/progress.ts';
import { progressOf } from '../../db/progress.ts';
import { clusterOf, transactionTime } from '../../db/runs.ts';
import type { StoredSilence, UnsettledSilence } from '../../db/silences.ts';
import { endedSilences, openSilences } from '../../db/silences.ts';
import type { NamedIssue } from '../../db/similar-issues.ts';
import type { Transaction } from '../../db/transaction.ts';
import { inReadOnlyTransaction } from '../../db/transaction.ts';
import type { AlertFacts } from '../../domain/alert.ts';
import type { Issue } from '../../domain/issue.ts';
import { holdsAt } from '../../domain/silence.ts';
import { alertFacts } from '../run/alert-facts.ts';
import { groupByProgress } from '../run/select.ts';
import { earliestRun, issuesToReevaluate } from '../run/silence.ts';
import type { LoadedTrigger } from '../triggers/load.ts';
import type { Opinion } from './opinions.ts';
import { opinionsOf } from './opinions.ts';
import { similarIssues } from './similar.ts';

/** The answers to the questions why an issue was notified of, or why not. Its texts are untrusted. */
export interface Explanation {
  readonly issue: Issue;
  /** The time of all answers, by the database's clock. */
  readonly at: Date;
  readonly facts: AlertFacts;
  readonly nextRun: NextRun;
  /** In the order of the triggers. */
  readonly opinions: readonly Opinion[];
  readonly alerts: Listed<PastAlert>;
  readonly forgotten: Listed<ForgottenAlert>;
  readonly failures: readonly TriggerFailure[];
  readonly silences: IssueSilences;
}

/** The silences of the issue. */
export interface IssueSilences {
  readonly holding: readonly UnsettledSilence[];
  /** Those that are over: the latest few, those that no run has settled first. */
  readonly over: readonly StoredSilence[];
}

/**
 * Whether the next run evaluates the issue: `changed` with the triggers for which it changed since their last run.
 * `silence` with the triggers that a silence covered which is over. `retry` with the triggers that failed on it. `none`
 * not before its next event.
 */
export type NextRun = 'changed' | 'silence' | 'retry' | 'none';

/** An issue that is not stored, and issues with similar ids. */
export interface Unknown {
  readonly similar: readonly NamedIssue[];
}

const ALERTS_LISTED = 20;
const ENDED_LISTED = 5;

/**
 * Explains an issue: evaluates all enabled triggers on it, and reads the notifications so far. It writes nothing and
 * needs no lock, so it works during a run.
 * @param groupId Sentry's id of the issue
 * @param sinceMilliseconds a trigger that is new to the database starts with the issues that changed in this time
 * @throws CodedError if the database fails
 */
export async function explain(
  pool: Pool,
  groupId: string,
  triggers: readonly LoadedTrigger[],
  sinceMilliseconds: number,
): Promise<Explanation | Unknown> {
  return await inReadOnlyTransaction(pool, 'explaining the issue', async (tx) => {
    const issue = await issueByGroupId(tx, groupId);
    if (issue === null) return { similar: await similarIssues(tx, groupId) };
    const at = await transactionTime(tx);
    const facts = await alertFacts(tx, [issue], at);
    const failures = await failuresOf(tx, issue.id);
    const names = triggers.filter(({ enabled }) => enabled).map(({ trigger }) => trigger.name);
    const progress = await progressOf(tx, { names, sinceMilliseconds }, await clusterOf(tx));
    const open = await openSilences(tx, earliestRun(progress), issue.id);
    const holding = open.filter((silence) => holdsAt(silence, at, silence.users));
    const over = open.filter((silence) => !holding.includes(silence));
    const unsettled = over.filter(({ settledBy }) => settledBy === null);
    const newSince = new Date(at.getTime() - sinceMilliseconds);
    return {
      issue,
      at,
      facts: facts(issue),
      nextRun: await nextRunOf(tx, issue, { progress, over, failures, newSince }),
      opinions: await opinionsOf(tx, issue, triggers, holding, at),
      alerts: await alertsAbout(tx, issue.id, ALERTS_LISTED),
      forgotten: await forgottenAlerts(tx, issue.id, ALERTS_LISTED),
      failures,
      silences: { holding, over: [...unsettled, ...(await endedSilences(tx, issue.id, ENDED_LISTED))] },
    };
  });
}

interface Pending {
  readonly progress: readonly Progress[];
  readonly over: readonly StoredSilence[];
  readonly failures: readonly TriggerFailure[];
  readonly newSince: Date;
}

async function nextRunOf(
  tx: Transaction,
  issue: Issue,
  { progress, over, failures, newSince }: Pending,
): Promise<NextRun> {
  for (const { changed } of groupByProgress(
    progress.map((own) => ({ progress: own })),
    newSince,
  )) {
    if (await hasChanged(tx, changed, issue.id)) return 'changed';
  }
  if (progress.some((own) => issuesToReevaluate(over, own).has(issue.id))) return 'silence';
  return failures.some(({ attempts }) => attempts < MAX_ATTEMPTS) ? 'retry' : 'none';
}
