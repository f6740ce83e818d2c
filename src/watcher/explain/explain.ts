import type { TriggerFailure } from '../../db/evaluations.ts';
import { failuresOf, MAX_ATTEMPTS } from '../../db/evaluations.ts';
import { hasChanged, issueByGroupId } from '../../db/issues.ts';
import type { ForgottenAlert, Listed, PastAlert } from '../../db/notification-history.ts';
import { alertsAbout, forgottenAlerts } from '../../db/notification-history.ts';
import type { Pool } from '../../db/pool.ts';
import { clusterOf, lastFinishedRun, transactionTime } from '../../db/runs.ts';
import type { StoredSilence, UnsettledSilence } from '../../db/silences.ts';
import { endedSilences, unsettledSilences } from '../../db/silences.ts';
import type { NamedIssue } from '../../db/similar-issues.ts';
import type { Transaction } from '../../db/transaction.ts';
import { inReadOnlyTransaction } from '../../db/transaction.ts';
import type { AlertFacts } from '../../domain/alert.ts';
import type { Issue } from '../../domain/issue.ts';
import { holdsAt } from '../../domain/silence.ts';
import { alertFacts } from '../run/alert-facts.ts';
import { selectChanged } from '../run/select.ts';
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
 * Whether the next run evaluates the issue: `changed` with all triggers, because it changed since the last finished run.
 * `silence` with the triggers that a silence covered which is over. `retry` with the triggers that failed on it. `none` not
 * before its next event.
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
 * @throws CodedError if the database fails
 */
export async function explain(
  pool: Pool,
  groupId: string,
  triggers: readonly LoadedTrigger[],
): Promise<Explanation | Unknown> {
  return await inReadOnlyTransaction(pool, 'explaining the issue', async (tx) => {
    const issue = await issueByGroupId(tx, groupId);
    if (issue === null) return { similar: await similarIssues(tx, groupId) };
    const at = await transactionTime(tx);
    const facts = await alertFacts(tx, [issue], at);
    const failures = await failuresOf(tx, issue.id);
    const unsettled = await unsettledSilences(tx, issue.id);
    const holding = unsettled.filter((silence) => holdsAt(silence, at, silence.users));
    const over = unsettled.filter((silence) => !holding.includes(silence));
    return {
      issue,
      at,
      facts: facts(issue),
      nextRun: await nextRunOf(tx, issue, over, failures),
      opinions: await opinionsOf(tx, issue, triggers, holding, at),
      alerts: await alertsAbout(tx, issue.id, ALERTS_LISTED),
      forgotten: await forgottenAlerts(tx, issue.id, ALERTS_LISTED),
      failures,
      silences: { holding, over: [...over, ...(await endedSilences(tx, issue.id, ENDED_LISTED))] },
    };
  });
}

async function nextRunOf(
  tx: Transaction,
  issue: Issue,
  over: readonly UnsettledSilence[],
  failures: readonly TriggerFailure[],
): Promise<NextRun> {
  const last = await lastFinishedRun(tx, await clusterOf(tx));
  if (await hasChanged(tx, selectChanged(last), issue.id)) return 'changed';
  if (over.length > 0) return 'silence';
  return failures.some(({ attempts }) => attempts < MAX_ATTEMPTS) ? 'retry' : 'none';
}
