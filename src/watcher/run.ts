import type pg from 'pg';
import { insertAlerts } from '../db/alerts.ts';
import { clearFailures, issuesToRetry, recordFailures } from '../db/evaluations.ts';
import { changedIssues, issuesById } from '../db/issues.ts';
import { ensureRecipients, recordNotified } from '../db/recipients.ts';
import type { OpenRun } from '../db/runs.ts';
import { finishRun, lastFinishedRun, openRun, restampChanges } from '../db/runs.ts';
import type { Transaction } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Issue } from '../domain/issue.ts';
import type { Recipient } from '../domain/trigger.ts';
import { asError, CodedError, messageOf } from '../runtime/errors.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Reporter } from '../runtime/report.ts';
import type { RankingCache } from './context.ts';
import { createContext } from './context.ts';
import type { FailedJudgement } from './evaluate.ts';
import { evaluate } from './evaluate.ts';
import type { ReadyTrigger } from './load-triggers.ts';
import type { RenderSettings } from './render.ts';
import { render } from './render.ts';
import { selectChanged } from './select.ts';

export interface RunDependencies {
  readonly triggers: readonly ReadyTrigger[];
  readonly settings: RenderSettings;
  readonly logger: Logger;
  readonly reporter: Reporter;
}

export interface RunOutcome {
  readonly id: string;
  /** Issues judged because they changed. */
  readonly issues: number;
  readonly alerts: number;
  /** Judgements that threw. */
  readonly failures: number;
}

/** Issues judged at a time: large enough that questions are few, small enough that memory is bounded. */
const PAGE_SIZE = 500;
const REPORTED_FAILURES = 5;
const MAX_ERROR_TEXT = 1_000;

/**
 * One run: every stage in order, in one transaction on one snapshot. Alerts, who was notified and the finished run
 * are committed together, or, in a dry run, rolled back together.
 * @param inspect called before the transaction ends: all that the run wrote can be read in it
 */
export async function run(
  client: pg.PoolClient,
  dependencies: RunDependencies,
  dryRun: boolean,
  inspect: (tx: Transaction, runId: string) => Promise<void> = async () => {},
): Promise<RunOutcome> {
  return inTransaction(client, !dryRun, async (tx) => {
    const last = await lastFinishedRun(tx);
    const opened = await openRun(tx);
    const recipients = await ensureRecipients(
      tx,
      dependencies.triggers.flatMap(({ trigger }) => trigger.emails),
    );
    const judge = createJudge(tx, opened, recipients, dependencies);

    let issues = 0;
    for await (const page of changedIssues(tx, selectChanged(last), PAGE_SIZE)) {
      for (const trigger of dependencies.triggers) await judge.page(trigger, page, true);
      issues += page.length;
    }
    for (const trigger of dependencies.triggers) await judge.retries(trigger);
    if (last?.fromTheFuture === true) {
      const restamped = await restampChanges(tx);
      dependencies.logger.warning(
        'the database was restored into another cluster: this run judged by time too, and marked old changes as judged',
        { last_run: last.id, restamped },
      );
    }

    const outcome = { id: opened.id, issues, ...judge.totals() };
    await finishRun(tx, opened.id, outcome);
    await inspect(tx, opened.id);
    return outcome;
  });
}

interface Judge {
  /** Evaluates, renders and records one trigger's judgement of a page. */
  page(trigger: ReadyTrigger, issues: readonly Issue[], fresh: boolean): Promise<void>;
  /** Judges again what threw in earlier runs. */
  retries(trigger: ReadyTrigger): Promise<void>;
  totals(): { alerts: number; failures: number };
}

function createJudge(
  tx: Transaction,
  opened: OpenRun,
  recipients: ReadonlyMap<string, Recipient>,
  { settings, logger, reporter }: RunDependencies,
): Judge {
  const rankings: RankingCache = new Map();
  const failedBefore = new Map<string, Set<string>>();
  let alertCount = 0;
  let failureCount = 0;

  const remember = async (ready: ReadyTrigger, failures: readonly FailedJudgement[], fresh: boolean) => {
    const { name } = ready.trigger;
    for (const { issue, error } of failures) {
      failureCount += 1;
      failedBefore.set(name, (failedBefore.get(name) ?? new Set()).add(issue.id));
      if (failureCount > REPORTED_FAILURES) continue;
      const wrapped = new CodedError(
        'trigger_failed',
        `trigger "${name}" failed on issue ${issue.id}: ${error.message}`,
        {
          retryable: true,
          cause: error,
        },
      );
      reporter.report(wrapped, 'a trigger failed; it judges this issue again in the next runs', {
        trigger: name,
        issue: issue.id,
        run: opened.id,
      });
    }
    const rows = failures.map(({ issue, error }) => ({
      issueId: issue.id,
      error: messageOf(error).slice(0, MAX_ERROR_TEXT),
    }));
    await recordFailures(tx, name, rows, fresh);
  };

  const page = async (ready: ReadyTrigger, issues: readonly Issue[], fresh: boolean) => {
    const { trigger } = ready;
    const told = trigger.emails.flatMap((email) => recipients.get(email) ?? []);
    const context = createContext(tx, opened.ranAt, told, rankings);
    const { decisions, failures } = await evaluate(trigger, issues, context);
    const rendered = await render(tx, ready, decisions, opened.ranAt, settings);
    await insertAlerts(tx, opened.id, rendered.alerts);
    await recordNotified(tx, rendered.alerts, opened.ranAt);
    const failed = [
      ...failures,
      ...rendered.failures.map(({ decision, error }) => ({ issue: decision.issue, error: asError(error) })),
    ];
    await remember(ready, failed, fresh);
    const failedIds = new Set(failed.map(({ issue }) => issue.id));
    await clearFailures(
      tx,
      trigger.name,
      issues.map(({ id }) => id).filter((id) => !failedIds.has(id)),
    );
    alertCount += rendered.alerts.length;
    logger.debug('judged a page', {
      trigger: trigger.name,
      issues: issues.length,
      alerts: rendered.alerts.length,
    });
  };

  return {
    page,
    async retries(ready) {
      const failedNow = failedBefore.get(ready.trigger.name) ?? new Set();
      let after = '0';
      while (true) {
        const ids = await issuesToRetry(tx, ready.trigger.name, after, PAGE_SIZE);
        const issues = await issuesById(
          tx,
          ids.filter((id) => !failedNow.has(id)),
        );
        if (issues.length > 0) await page(ready, issues, false);
        after = ids.at(-1) ?? after;
        if (ids.length < PAGE_SIZE) return;
      }
    },
    totals: () => ({ alerts: alertCount, failures: failureCount }),
  };
}
