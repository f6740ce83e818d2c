import { orDatabaseError } from '../../db/errors.ts';
import { issueByGroupId } from '../../db/issues.ts';
import type { Pool } from '../../db/pool.ts';
import { transactionTime } from '../../db/runs.ts';
import type { NewSilence, UnsettledSilence } from '../../db/silences.ts';
import { addSilence, endSilences, holdingSilences, knownTriggers, usersEver } from '../../db/silences.ts';
import type { NamedIssue } from '../../db/similar-issues.ts';
import type { Issue } from '../../domain/issue.ts';
import { similarIssues } from '../explain/similar.ts';
import { closest } from '../triggers/spelling.ts';

/** A silence that somebody asks for. */
export interface SilenceRequest extends Omit<NewSilence, 'issueId'> {
  /** Sentry's id of the issue. */
  readonly groupId: string;
  /** The names of the configured triggers. Others are known from earlier alerts. */
  readonly configured: readonly string[];
}

/** `unknown`: there is no such issue. */
export interface UnknownIssue {
  readonly outcome: 'unknown';
  readonly similar: readonly NamedIssue[];
}

export type SilenceOutcome =
  | {
      readonly outcome: 'silenced';
      readonly issue: Issue;
      /** Null if the silence ends by users. */
      readonly until: Date | null;
      /** The database's time. */
      readonly now: Date;
      readonly users: number;
      /** Number of earlier silences of the issue that hold. */
      readonly others: number;
    }
  /** The number of users that ends the silence is affected already. */
  | { readonly outcome: 'reached'; readonly users: number }
  /** There is no such trigger. `meant`: one with a similar name. */
  | { readonly outcome: 'no trigger'; readonly meant: string | null }
  | UnknownIssue;

/** Silences an issue from now on. @throws CodedError if the database fails */
export async function silenceIssue(pool: Pool, request: SilenceRequest): Promise<SilenceOutcome> {
  return await orDatabaseError('silencing the issue', addChecked(pool, request));
}

async function addChecked(pool: Pool, request: SilenceRequest): Promise<SilenceOutcome> {
  const { groupId, trigger, end, configured } = request;
  if (trigger !== null && !configured.includes(trigger)) {
    const known = await knownTriggers(pool);
    const meant = closest(trigger, [...configured, ...known]);
    if (!known.includes(trigger)) return { outcome: 'no trigger', meant };
  }
  const issue = await issueByGroupId(pool, groupId);
  if (issue === null) return { outcome: 'unknown', similar: await similarIssues(pool, groupId) };
  const users = (await usersEver(pool, [issue.id])).get(issue.id) ?? 0;
  if ('usersOver' in end && users >= end.usersOver) return { outcome: 'reached', users };
  const now = await transactionTime(pool);
  const others = await holdingSilences(pool, now, issue.id);
  const until = await addSilence(pool, { ...request, issueId: issue.id });
  return { outcome: 'silenced', issue, until, now, users, others: others.length };
}

export type EndOutcome =
  | {
      readonly outcome: 'ended';
      readonly ended: number;
      /** Silences of the issue that still hold. */
      readonly others: readonly UnsettledSilence[];
    }
  | UnknownIssue;

/** Ends the silences of an issue that hold. @param trigger only those of this trigger; null for all */
export async function endSilencesOf(
  pool: Pool,
  groupId: string,
  trigger: string | null,
): Promise<EndOutcome> {
  const end = async (): Promise<EndOutcome> => {
    const issue = await issueByGroupId(pool, groupId);
    if (issue === null) return { outcome: 'unknown', similar: await similarIssues(pool, groupId) };
    const holding = await holdingSilences(pool, await transactionTime(pool), issue.id);
    const chosen = holding.filter((silence) => trigger === null || silence.trigger === trigger);
    const ended = await endSilences(
      pool,
      chosen.map(({ id }) => id),
    );
    return { outcome: 'ended', ended, others: holding.filter((silence) => !chosen.includes(silence)) };
  };
  return await orDatabaseError('ending the silence', end());
}
