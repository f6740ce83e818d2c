import { clearFailures, recordFailures } from '../../db/evaluations.ts';
import { insertAlerts } from '../../db/outbox.ts';
import { recordNotified } from '../../db/recipients.ts';
import type { Issue } from '../../domain/issue.ts';
import { storable } from '../../domain/text.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { EvaluationFailure, Evaluations } from '../evaluator/evaluate.ts';
import { LATE_PATIENCE_MILLISECONDS, PATIENCE_MILLISECONDS } from '../evaluator/evaluate.ts';
import type { OpenPage } from '../evaluator/evaluator.ts';
import { answersAt } from './answers.ts';
import type { RenderedAlerts } from './render-alerts.ts';
import { renderAlerts } from './render-alerts.ts';
import type { RunState, RunTrigger } from './run-state.ts';
import type { Dropped } from './silence.ts';
import { alertsIn, separateSilenced } from './silence.ts';

/** A page of issues, and the reason why they are evaluated. */
export interface Page {
  readonly issues: readonly Issue[];
  /**
   * `changed`: every trigger evaluates them. `retry`: one trigger evaluates them again, because it failed earlier.
   * `silence ended`: one trigger evaluates them again, because a silence is over that covered it.
   */
  readonly why: 'changed' | 'retry' | 'silence ended';
}

const MAX_ERROR_TEXT = 1_000;
const STATEMENT_EVERY_MILLISECONDS = 30_000;

/**
 * Processes a page of issues through every stage, one trigger after the other. Recipients that one trigger notifies
 * count as notified for the next trigger.
 */
export async function processPage(
  state: RunState,
  triggers: readonly RunTrigger[],
  page: Page,
): Promise<void> {
  const { tx, opened, rankings, evaluator } = state;
  const now = opened.ranAt;
  const open = evaluator.openPage({ issues: page.issues, now, answers: answersAt(tx, now), rankings });
  try {
    for (const trigger of triggers) await processTrigger(state, trigger, page, open);
  } finally {
    open.close();
  }
}

/** The stages, in order: evaluate, drop silenced alerts, bundle, render, insert, remember failures. */
async function processTrigger(
  state: RunState,
  trigger: RunTrigger,
  page: Page,
  open: OpenPage,
): Promise<void> {
  const { tx, opened, bundler } = state;
  const evaluations = await evaluatePage(state, trigger, open);
  const { heard, dropped } = separateSilenced(state.silences, trigger.named.name, evaluations.notify);
  const bundled = heard.map((notify) => bundler.bundle(notify));
  const rendered = await renderAlerts(state, trigger.named, bundled);
  for (const { notify } of rendered.failures) bundler.release(notify);
  await insertAlerts(tx, opened.id, rendered.alerts);
  await recordNotified(tx, rendered.alerts, trigger.named.name, opened.ranAt);
  const failed = [...evaluations.failed, ...failuresOf(rendered)];
  await rememberFailures(state, trigger, page, failed);
  count(state, trigger, page, { evaluations, dropped, rendered, failed });
}

async function evaluatePage(
  { tx, signal }: RunState,
  trigger: RunTrigger,
  open: OpenPage,
): Promise<Evaluations> {
  const patience = trigger.late ? LATE_PATIENCE_MILLISECONDS : PATIENCE_MILLISECONDS;
  // After five minutes without a statement Postgres ends the session, as that of a frozen watcher.
  const alive = setInterval(
    () => void tx.query({ text: 'SELECT' }).catch(() => {}),
    STATEMENT_EVERY_MILLISECONDS,
  );
  try {
    const evaluations = await open.evaluate(trigger.named, trigger.recipients, patience, signal);
    if (evaluations.late) trigger.late = true;
    return evaluations;
  } finally {
    clearInterval(alive);
  }
}

function failuresOf({ failures }: RenderedAlerts): EvaluationFailure[] {
  return failures.map(({ notify, error }) => ({ verdict: 'failed', issue: notify.issue, error }));
}

/** Stores the failures, so that the next runs retry them. Deletes earlier failures of issues that succeeded now. */
async function rememberFailures(
  { tx }: RunState,
  { named, failedBefore, failedNow }: RunTrigger,
  { issues, why }: Page,
  failed: readonly EvaluationFailure[],
): Promise<void> {
  const { name } = named;
  for (const { issue } of failed) failedNow.add(issue.id);
  const rows = failed.map(({ issue, error }) => ({
    issueId: issue.id,
    error: storable(messageOf(error), MAX_ERROR_TEXT),
  }));
  await recordFailures(tx, name, rows, why === 'changed');
  if (!failedBefore) return;
  const succeeded = issues.map(({ id }) => id).filter((id) => !failedNow.has(id));
  await clearFailures(tx, name, succeeded);
}

interface Processed {
  readonly evaluations: Evaluations;
  readonly dropped: readonly Dropped[];
  readonly rendered: RenderedAlerts;
  readonly failed: readonly EvaluationFailure[];
}

function count(
  state: RunState,
  { named, summary }: RunTrigger,
  { issues }: Page,
  { evaluations, dropped, rendered, failed }: Processed,
): void {
  const { name } = named;
  state.alerts += rendered.alerts.length;
  state.silenced += alertsIn(dropped);
  state.failures += failed.length;
  summary.notified(evaluations.notify.length - dropped.length - rendered.failures.length);
  for (const { notify, silence } of dropped) summary.silenced(notify, silence);
  for (const { because } of evaluations.declined) summary.declined(because);
  for (const { issue, error } of failed) summary.failed(issue.id, error);
  state.log.alerts(name, issues, rendered.alerts);
  state.log.silenced(name, dropped);
  state.log.declined(name, evaluations.declined);
  state.log.failed(name, failed);
}
