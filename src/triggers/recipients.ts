import type { Issue } from '../domain/issue.ts';
import { HOUR } from '../domain/time.ts';
import type { Recipient, TriggerContext, Verdict } from '../domain/trigger.ts';

/** A verdict's reason where every recipient is left out. */
export const ALL_NOTIFIED = 'all recipients have been notified';
export const NOTIFIED_WITHIN_HOUR = 'all recipients were notified of it within the last hour';

/** The verdict if no recipient is left. @param because the reason why each of them is left out */
export function nobodyLeft({ recipients }: TriggerContext, because: string): Verdict {
  return { notify: false, because: recipients.length === 0 ? 'the trigger has no recipients' : because };
}

/** The recipients for which the condition holds on the answer to a question. All are asked at the same time. */
export async function recipientsWhere<Answer>(
  recipients: readonly Recipient[],
  ask: (recipient: Recipient) => Promise<Answer>,
  holds: (answer: Answer) => boolean,
): Promise<Recipient[]> {
  const answers = await Promise.all(
    recipients.map(async (recipient) => ({ recipient, holds: holds(await ask(recipient)) })),
  );
  return answers.filter((answer) => answer.holds).map(({ recipient }) => recipient);
}

/**
 * The recipients that no trigger has notified of the issue within the last hour. Two triggers may see the same change, and
 * nobody needs two emails about it.
 */
export async function outsideOfLastHour(
  issue: Issue,
  context: TriggerContext,
  recipients: readonly Recipient[],
): Promise<Recipient[]> {
  const hourAgo = context.now.getTime() - HOUR;
  return await recipientsWhere(
    recipients,
    (recipient) => context.lastNotified(recipient, issue),
    (at) => at === null || at.getTime() <= hourAgo,
  );
}
