import { z } from 'zod';
import type { Issue } from '../domain/issue.ts';
import type { Recipient, Trigger, TriggerContext } from '../domain/trigger.ts';
import { asError } from '../runtime/errors.ts';

/** What one trigger decided to tell of one issue. */
export interface Decision {
  readonly issue: Issue;
  readonly because: string;
  readonly recipients: readonly Recipient[];
}

export interface FailedJudgement {
  readonly issue: Issue;
  readonly error: Error;
}

export interface Judgements {
  readonly decisions: readonly Decision[];
  readonly failures: readonly FailedJudgement[];
}

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
 */
export async function evaluate(
  trigger: Trigger,
  issues: readonly Issue[],
  context: TriggerContext,
): Promise<Judgements> {
  const outcomes = await Promise.all(issues.map((issue) => judge(trigger, issue, context)));
  return {
    decisions: outcomes.flatMap((outcome) => ('because' in outcome ? [outcome] : [])),
    failures: outcomes.flatMap((outcome) => ('error' in outcome ? [outcome] : [])),
  };
}

type Outcome = Decision | FailedJudgement | { readonly issue: Issue };

async function judge(trigger: Trigger, issue: Issue, context: TriggerContext): Promise<Outcome> {
  try {
    const checked = verdictSchema.safeParse(await trigger.evaluate(issue, context));
    if (!checked.success)
      throw new TypeError(`evaluate must return a verdict: ${z.prettifyError(checked.error)}`);
    const verdict = checked.data;
    if (!verdict.notify) return { issue };
    const recipients = ownRecipients(verdict.recipients ?? context.recipients, context);
    return { issue, because: verdict.because, recipients };
  } catch (thrown) {
    return { issue, error: asError(thrown) };
  }
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
