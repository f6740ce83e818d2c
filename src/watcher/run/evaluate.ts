import { z } from 'zod';
import type { Issue } from '../../domain/issue.ts';
import type { Recipient, Trigger, TriggerContext } from '../../domain/trigger.ts';
import { asError } from '../../runtime/errors.ts';
import { pause } from '../../runtime/loop.ts';

/** What one trigger decided to tell of one issue. */
export interface Decision {
  readonly issue: Issue;
  readonly because: string;
  readonly recipients: readonly Recipient[];
}

/** What one trigger decided not to tell, and why where it says so. */
export interface Silence {
  readonly issue: Issue;
  readonly silent: string | undefined;
}

export interface FailedJudgement {
  readonly issue: Issue;
  readonly error: Error;
}

export interface Judgements {
  readonly decisions: readonly Decision[];
  readonly silences: readonly Silence[];
  readonly failures: readonly FailedJudgement[];
  /** Not all were made in time. */
  readonly late: boolean;
}

/** How long a trigger may take over a page: one that waits for something that never comes must not hold up the run. */
export const PATIENCE_MILLISECONDS = 120_000;
/** And how long over each further page of a run in which it was late once. */
export const LATE_PATIENCE_MILLISECONDS = 1_000;

const verdictSchema = z.discriminatedUnion('notify', [
  z.object({ notify: z.literal(false), because: z.string().optional() }),
  z.object({
    notify: z.literal(true),
    because: z.string().min(1),
    recipients: z.array(z.object({ id: z.string(), email: z.string() })).optional(),
  }),
]);

/**
 * Lets a trigger judge a page of issues. All start in the same turn, so that what they ask is asked together; the
 * order of the decisions is the issues'.
 * @throws once the signal fires
 */
export async function evaluate(
  trigger: Trigger,
  issues: readonly Issue[],
  context: TriggerContext,
  patienceMilliseconds = PATIENCE_MILLISECONDS,
  signal: AbortSignal = new AbortController().signal,
): Promise<Judgements> {
  const outcomes: Outcome[] = [];
  const judgements = issues.map(async (issue, index) => {
    const outcome = await judge(trigger, issue, context);
    outcomes[index] ??= outcome;
  });
  const late = await allOrLate(judgements, patienceMilliseconds, signal);
  signal.throwIfAborted();
  const decisions: Decision[] = [];
  const silences: Silence[] = [];
  const failures: FailedJudgement[] = [];
  for (const [index, issue] of issues.entries()) {
    // A judgement that ends later than this finds its place taken.
    outcomes[index] ??= { issue, error: tooLate(patienceMilliseconds) };
    const outcome = outcomes[index];
    if ('error' in outcome) failures.push(outcome);
    else if ('silent' in outcome) silences.push(outcome);
    else decisions.push(outcome);
  }
  return { decisions, silences, failures, late };
}

/**
 * Waits for all, or for as long as there is patience or no signal; nobody can end what another's code began.
 * @returns whether it didn't wait for all
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

function tooLate(milliseconds: number): Error {
  return new Error(`evaluate did not return within ${milliseconds / 1_000} s`);
}

type Outcome = Decision | Silence | FailedJudgement;

async function judge(trigger: Trigger, issue: Issue, context: TriggerContext): Promise<Outcome> {
  try {
    const answer = await trigger.evaluate(issue, context);
    // Nearly every verdict is this one, and a schema takes longer than the judgement.
    const silence = silenceOf(issue, answer);
    if (silence !== null) return silence;
    const checked = verdictSchema.safeParse(answer);
    if (!checked.success)
      throw new TypeError(`evaluate must return a verdict: ${z.prettifyError(checked.error)}`);
    const verdict = checked.data;
    if (!verdict.notify) return { issue, silent: verdict.because };
    const recipients = ownRecipients(verdict.recipients ?? context.recipients, context);
    return { issue, because: verdict.because, recipients };
  } catch (thrown) {
    return { issue, error: asError(thrown) };
  }
}

function silenceOf(issue: Issue, answer: unknown): Silence | null {
  if (typeof answer !== 'object' || answer === null || !('notify' in answer) || answer.notify !== false) {
    return null;
  }
  const silent = 'because' in answer ? answer.because : undefined;
  return silent === undefined || typeof silent === 'string' ? { issue, silent } : null;
}

/** A trigger tells its own recipients only, each once. */
function ownRecipients(named: readonly Recipient[], context: TriggerContext): readonly Recipient[] {
  const ids = new Set(named.map(({ id }) => id));
  const recipients = context.recipients.filter(({ id }) => ids.has(id));
  if (recipients.length !== ids.size) {
    throw new TypeError('the verdict names a recipient who is not among context.recipients');
  }
  return recipients;
}
