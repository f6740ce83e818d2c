import type { Issue } from '../../domain/issue.ts';
import type { Recipient } from '../../domain/trigger.ts';
import { fromWire, toWire } from '../../runtime/errors.ts';
import type { Evaluations } from './evaluate.ts';
import type { EvaluatedPage, NamedTrigger } from './evaluator.ts';
import type { EvaluatorProcess, Request } from './evaluator-process.ts';
import { EvaluatorFault } from './evaluator-process.ts';
import { unpacked } from './outcomes.ts';
import type { EvaluatorReport, SentOutcome } from './protocol.ts';
import type { Strikes } from './strikes.ts';

/** How long the process may report nothing, in milliseconds. */
export interface Patience {
  /** While it loads the trigger file. */
  readonly loading: number;
  /** While it evaluates a page or renders alerts. */
  readonly page: number;
  /** While it evaluates one issue. */
  readonly issue: number;
}

export interface PageEvaluation {
  readonly page: EvaluatedPage;
  readonly trigger: NamedTrigger;
  readonly recipients: readonly Recipient[];
  readonly milliseconds: number;
  readonly patience: Patience;
  readonly strikes: Strikes;
  /** A living process that has the page. */
  readonly process: () => Promise<EvaluatorProcess>;
  /** Called when the process ended. `again`: the page is evaluated again, issue by issue. */
  readonly onFault: (fault: EvaluatorFault, next: 'again' | 'failed') => void;
}

/**
 * Evaluates a page with one trigger. If the process ends meanwhile, the page is evaluated again in a new one, issue by
 * issue, which shows the issues at fault. Only their evaluations fail, unless there are too many of them.
 */
export async function evaluatePage(evaluation: PageEvaluation, signal: AbortSignal): Promise<Evaluations> {
  const { page, strikes, trigger, patience, onFault } = evaluation;
  if (strikes.isExhausted(trigger)) return evaluationsOf(evaluation, []);
  try {
    const command = commandOf(evaluation, 0, null);
    const request = { command, until: 'evaluated', silentMilliseconds: patience.page } as const;
    const report = await (await evaluation.process()).request(request, signal);
    if (report.type === 'evaluated')
      return { ...evaluationsOf(evaluation, unpacked(report.outcomes)), late: report.late };
    throw new Error('the process of the triggers sent another report');
  } catch (error) {
    if (!(error instanceof EvaluatorFault)) throw error;
    onFault(error, 'again');
  }
  const outcomes: SentOutcome[] = [];
  while (outcomes.length < page.issues.length && !strikes.isExhausted(trigger)) {
    const fault = await evaluateEach(evaluation, outcomes, signal);
    if (fault === undefined) break;
    strikes.strike(trigger);
    outcomes.push({ verdict: 'failed', error: toWire(fault) });
    onFault(fault, 'failed');
  }
  return evaluationsOf(evaluation, outcomes);
}

/**
 * Evaluates the issues that have no outcome yet, one after the other, and adds their outcomes.
 * @returns the fault that ended the process, at the issue of the next outcome
 */
async function evaluateEach(
  evaluation: PageEvaluation,
  outcomes: SentOutcome[],
  signal: AbortSignal,
): Promise<EvaluatorFault | undefined> {
  const { patience } = evaluation;
  const request: Request = {
    command: commandOf(evaluation, outcomes.length, patience.issue),
    until: 'evaluated',
    silentMilliseconds: patience.issue,
    onReport: (report: EvaluatorReport) => {
      if (report.type === 'outcome') outcomes.push(report.outcome);
    },
  };
  try {
    await (await evaluation.process()).request(request, signal);
    return undefined;
  } catch (error) {
    if (error instanceof EvaluatorFault) return error;
    throw error;
  }
}

function commandOf(
  { trigger, recipients, milliseconds }: PageEvaluation,
  from: number,
  eachMilliseconds: number | null,
): Request['command'] {
  return { type: 'evaluate', trigger: trigger.name, recipients, milliseconds, from, eachMilliseconds };
}

/** Evaluations without an outcome failed: the trigger ended its process too often in this run. */
function evaluationsOf(
  { page: { issues }, recipients, trigger, strikes }: PageEvaluation,
  outcomes: readonly SentOutcome[],
): Evaluations {
  const evaluations = { notify: [], declined: [], failed: [], late: false } as Writable<Evaluations>;
  for (const [place, issue] of issues.entries()) {
    const outcome = outcomes[place] ?? { verdict: 'failed', error: toWire(tooOften(strikes.inRun(trigger))) };
    add(evaluations, issue, outcome, recipients);
  }
  return evaluations;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

function add(
  evaluations: Writable<Evaluations>,
  issue: Issue,
  outcome: SentOutcome,
  recipients: readonly Recipient[],
): void {
  if (outcome.verdict === 'decline') {
    evaluations.declined.push({ verdict: 'decline', issue, because: outcome.because });
  } else if (outcome.verdict === 'failed') {
    evaluations.failed.push({ verdict: 'failed', issue, error: fromWire(outcome.error) });
  } else {
    const ids = new Set(outcome.recipientIds);
    const notified = recipients.filter(({ id }) => ids.has(id));
    evaluations.notify.push({ verdict: 'notify', issue, because: outcome.because, recipients: notified });
  }
}

function tooOften(times: number): Error {
  return new Error(`it was not evaluated, because the trigger ended its process ${times} times in this run`);
}
