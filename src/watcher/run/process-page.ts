import type { PlannedAlert } from '../../db/alerts.ts';
import { insertAlerts } from '../../db/alerts.ts';
import { clearFailures, issuesToRetry, recordFailures } from '../../db/evaluations.ts';
import { issuesById } from '../../db/issues.ts';
import { recordNotified } from '../../db/recipients.ts';
import type { OpenRun } from '../../db/runs.ts';
import type { Transaction } from '../../db/transaction.ts';
import type { Issue } from '../../domain/issue.ts';
import { storable } from '../../domain/text.ts';
import type { Recipient } from '../../domain/trigger.ts';
import { asError, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Reporter } from '../../runtime/report.ts';
import type { ReadyTrigger } from '../triggers/load.ts';
import type { Bundling } from './bundle.ts';
import { createPlan } from './bundle.ts';
import type { FailedJudgement } from './evaluate.ts';
import { evaluate, LATE_PATIENCE_MILLISECONDS, PATIENCE_MILLISECONDS } from './evaluate.ts';
import { createTeller } from './log.ts';
import type { RenderSettings } from './render-alerts.ts';
import { render } from './render-alerts.ts';
import type { RankingCache } from './trigger-context.ts';
import { createContext, openPage } from './trigger-context.ts';

export interface JudgeDependencies {
  readonly triggers: readonly ReadyTrigger[];
  readonly settings: RenderSettings;
  readonly bundling: Bundling;
  readonly logger: Logger;
  readonly reporter: Reporter;
}

export interface Judge {
  /** Lets every trigger, in order, judge a page of changed issues, and writes what follows. */
  changed(page: readonly Issue[]): Promise<void>;
  /** Judges again what threw in earlier runs. */
  retries(): Promise<void>;
  totals(): { alerts: number; failures: number };
}

/** What a run knows before the first page. */
export interface RunState {
  readonly opened: OpenRun;
  readonly recipients: ReadonlyMap<string, Recipient>;
  /** The triggers of which a judgement threw in an earlier run. */
  readonly failing: ReadonlySet<string>;
  readonly pageSize: number;
  /** Ends the run; what is asked of the judge then throws. */
  readonly signal: AbortSignal;
}

const MAX_ERROR_TEXT = 1_000;

/** Evaluates, renders and records, page by page. */
export function createJudge(tx: Transaction, state: RunState, dependencies: JudgeDependencies): Judge {
  const { opened, recipients, failing, pageSize, signal } = state;
  const { triggers, settings, logger, reporter } = dependencies;
  const tell = createTeller(opened.id, logger, reporter);
  const rankings: RankingCache = new Map();
  const failedNow = new Map(triggers.map(({ trigger }) => [trigger.name, new Set<string>()]));
  const lateTriggers = new Set<string>();
  const plan = createPlan(dependencies.bundling);
  let alertCount = 0;
  let failureCount = 0;

  const remember = async (trigger: string, failures: readonly FailedJudgement[], fresh: boolean) => {
    for (const failure of failures) {
      const failed = failedNow.get(trigger);
      failed?.add(failure.issue.id);
      failureCount += 1;
      tell.failed(trigger, failure, failed?.size ?? 0);
    }
    const rows = failures.map(({ issue, error }) => ({
      issueId: issue.id,
      error: storable(messageOf(error), MAX_ERROR_TEXT),
    }));
    await recordFailures(tx, trigger, rows, fresh);
  };

  const write = async (alerts: readonly PlannedAlert[]) => {
    await insertAlerts(tx, opened.id, alerts);
    await recordNotified(tx, alerts, opened.ranAt);
    alertCount += alerts.length;
  };

  const judge = async (
    ready: ReadyTrigger,
    issues: readonly Issue[],
    questions: ReturnType<typeof openPage>,
    fresh: boolean,
  ) => {
    const { trigger } = ready;
    const told = trigger.emails.flatMap((email) => recipients.get(email) ?? []);
    const context = createContext(questions, opened.ranAt, told, rankings);
    const patience = lateTriggers.has(trigger.name) ? LATE_PATIENCE_MILLISECONDS : PATIENCE_MILLISECONDS;
    const { decisions, silences, failures, late } = await evaluate(
      trigger,
      issues,
      context,
      patience,
      signal,
    );
    if (late) lateTriggers.add(trigger.name);
    const rendered = await render(tx, ready, decisions, opened.ranAt, settings);
    await write(rendered.alerts.map(plan));
    tell.decided(trigger.name, issues, rendered.alerts, silences);
    const unrendered = rendered.failures.map(({ decision, error }) => ({
      issue: decision.issue,
      error: asError(error),
    }));
    await remember(trigger.name, [...failures, ...unrendered], fresh);
    if (!failing.has(trigger.name)) return;
    const failed = failedNow.get(trigger.name);
    const judged = issues.map(({ id }) => id).filter((id) => failed?.has(id) !== true);
    await clearFailures(tx, trigger.name, judged);
  };

  const onPage = async (work: (questions: ReturnType<typeof openPage>) => Promise<void>) => {
    const questions = openPage(tx, opened.ranAt);
    try {
      await work(questions);
    } finally {
      questions.close();
    }
  };

  const retry = async (ready: ReadyTrigger) => {
    const failed = failedNow.get(ready.trigger.name) ?? new Set<string>();
    let after = '0';
    while (true) {
      signal.throwIfAborted();
      const ids = await issuesToRetry(tx, ready.trigger.name, after, pageSize);
      const again = ids.filter((id) => !failed.has(id));
      if (again.length > 0) {
        const issues = await issuesById(tx, again);
        tell.judging(issues, { trigger: ready.trigger.name });
        await onPage((questions) => judge(ready, issues, questions, false));
      }
      after = ids.at(-1) ?? after;
      if (ids.length < pageSize) return;
    }
  };

  return {
    async changed(page) {
      tell.judging(page);
      await onPage(async (questions) => {
        for (const ready of triggers) await judge(ready, page, questions, true);
      });
    },
    async retries() {
      for (const ready of triggers) if (failing.has(ready.trigger.name)) await retry(ready);
    },
    totals: () => ({ alerts: alertCount, failures: failureCount }),
  };
}
