import type { Issue } from '../../domain/issue.ts';
import type { Recipient, Trigger, TriggerContext } from '../../domain/trigger.ts';
import { asError } from '../../runtime/errors.ts';
import { pause } from '../../runtime/loop.ts';
import { checkedVerdict } from '../triggers/verdict.ts';

/** The trigger notifies of an issue. */
export interface Notify {
  readonly verdict: 'notify';
  readonly issue: Issue;
  readonly because: string;
  readonly recipients: readonly Recipient[];
}

/** The trigger doesn't notify of an issue. */
export interface Decline {
  readonly verdict: 'decline';
  readonly issue: Issue;
  /** Undefined where the trigger gives no reason. */
  readonly because: string | undefined;
}

/** The trigger threw, returned no verdict, or was late. */
export interface EvaluationFailure {
  readonly verdict: 'failed';
  readonly issue: Issue;
  readonly error: Error;
}

type Outcome = Notify | Decline | EvaluationFailure;

/** The results of one trigger for one page of issues, each list in the order of the issues. */
export interface Evaluations {
  readonly notify: readonly Notify[];
  readonly declined: readonly Decline[];
  readonly failed: readonly EvaluationFailure[];
  /** Some evaluations did not end in time. */
  readonly late: boolean;
}

/** How long a trigger may take over a page: a trigger that waits forever must not hold up the run. */
export const PATIENCE_MILLISECONDS = 120_000;
/** How long it may take over each further page of a run in which it was late once. */
export const LATE_PATIENCE_MILLISECONDS = 1_000;

/**
 * Lets a trigger evaluate a page of issues. All evaluations start in the same turn, so that their questions reach
 * Postgres together.
 * @throws once the signal fires
 */
export async function evaluate(
  trigger: Trigger,
  issues: readonly Issue[],
  context: TriggerContext,
  patienceMilliseconds = PATIENCE_MILLISECONDS,
  signal: AbortSignal = new AbortController().signal,
): Promise<Evaluations> {
  const outcomes: Outcome[] = [];
  const evaluations = issues.map(async (issue, index) => {
    const outcome = await evaluateOne(trigger, issue, context);
    outcomes[index] ??= outcome;
  });
  const late = await allOrLate(evaluations, patienceMilliseconds, signal);
  signal.throwIfAborted();
  // An evaluation that ends after this finds its place taken.
  for (const [index, issue] of issues.entries()) outcomes[index] ??= tooLate(issue, patienceMilliseconds);
  return {
    notify: outcomes.filter((outcome) => outcome.verdict === 'notify'),
    declined: outcomes.filter((outcome) => outcome.verdict === 'decline'),
    failed: outcomes.filter((outcome) => outcome.verdict === 'failed'),
    late,
  };
}

/**
 * Waits for all, but no longer than the patience or until the signal; nobody can end the code of a trigger.
 * @returns whether it stopped waiting
 */
async function allOrLate(
  work: readonly Promise<void>[],
  milliseconds: number,
  signal: AbortSignal,
): Promise<boolean> {
  const done = new AbortController();
  const all = Promise.all(work).then(() => false);
  const late = pause(milliseconds, AbortSignal.any([signal, done.signal])).then(() => true);
  try {
    return await Promise.race([all, late]);
  } finally {
    done.abort();
  }
}

function tooLate(issue: Issue, milliseconds: number): EvaluationFailure {
  return failure(issue, new Error(`evaluate did not return within ${milliseconds / 1_000} s`));
}

function failure(issue: Issue, error: Error): EvaluationFailure {
  return { verdict: 'failed', issue, error };
}

async function evaluateOne(trigger: Trigger, issue: Issue, context: TriggerContext): Promise<Outcome> {
  try {
    const verdict = checkedVerdict(await trigger.evaluate(issue, context), context.recipients);
    if (!verdict.notify) return { verdict: 'decline', issue, because: verdict.because };
    return { verdict: 'notify', issue, because: verdict.because, recipients: verdict.recipients };
  } catch (thrown) {
    return failure(issue, asError(thrown));
  }
}
