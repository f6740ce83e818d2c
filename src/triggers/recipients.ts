import type { Issue } from '../domain/issue.ts';
import { HOUR } from '../domain/time.ts';
import type { Recipient, TriggerContext } from '../domain/trigger.ts';

/** A verdict's reason where every recipient is left out. */
export const ALL_NOTIFIED = 'all recipients have been notified';
export const NOTIFIED_WITHIN_HOUR = 'all recipients were notified of it within the last hour';

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
  const times = await Promise.all(recipients.map((recipient) => context.lastNotified(recipient, issue)));
  return recipients.filter((_, index) => (times[index]?.getTime() ?? 0) <= hourAgo);
}
