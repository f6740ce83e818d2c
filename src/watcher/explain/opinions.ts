import { findRecipients } from '../../db/recipients.ts';
import type { Transaction } from '../../db/transaction.ts';
import type { Issue } from '../../domain/issue.ts';
import type { Silence } from '../../domain/silence.ts';
import { covers, longest } from '../../domain/silence.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Answers } from '../evaluator/answers.ts';
import { evaluate } from '../evaluator/evaluate.ts';
import { createContext, openPage } from '../evaluator/trigger-context.ts';
import { answersAt } from '../run/answers.ts';
import type { LoadedTrigger } from '../triggers/load.ts';

/** A trigger's verdict on an issue, if a run evaluated it now. */
export type Opinion = { readonly trigger: string; readonly emails: readonly string[] } & (
  | { readonly verdict: 'disabled' }
  | {
      readonly verdict: 'notify';
      readonly because: string;
      readonly recipients: readonly string[];
      /** The silence that would drop the alerts; null if no silence covers them. */
      readonly silence: Silence | null;
    }
  /** `because` is undefined where the trigger gives no reason. */
  | { readonly verdict: 'decline'; readonly because: string | undefined }
  | { readonly verdict: 'failed'; readonly error: string }
);

/**
 * Evaluates the issue with each enabled trigger, as a run does. Recipients that one trigger would notify count as
 * notified for the next trigger, unless a silence drops their alerts. That is kept in memory, so that nothing is written.
 * @param holding the silences of the issue that hold
 */
export async function opinionsOf(
  tx: Transaction,
  issue: Issue,
  triggers: readonly LoadedTrigger[],
  holding: readonly Silence[],
  now: Date,
): Promise<Opinion[]> {
  const stored = await findRecipients(
    tx,
    triggers.flatMap(({ trigger }) => trigger.emails),
  );
  const notifiedNow = new Set<string>();
  const questions = openPage(withNotified(answersAt(tx, now), issue, notifiedNow, now), new Map());
  const opinions: Opinion[] = [];
  try {
    for (const { trigger, enabled } of triggers) {
      const { name, emails } = trigger;
      if (!enabled) {
        opinions.push({ trigger: name, emails, verdict: 'disabled' });
        continue;
      }
      const recipients = emails.flatMap((email) => stored.get(email) ?? []);
      const context = createContext(questions, now, { name, recipients });
      const { notify, declined, failed } = await evaluate(trigger, [issue], context);
      for (const { because, recipients: notified } of notify) {
        const silence = longest(holding.filter((one) => covers(one, name))) ?? null;
        if (silence === null) for (const { id } of notified) notifiedNow.add(id);
        const addresses = notified.map(({ email }) => email);
        opinions.push({ trigger: name, emails, verdict: 'notify', because, recipients: addresses, silence });
      }
      for (const { because } of declined)
        opinions.push({ trigger: name, emails, verdict: 'decline', because });
      for (const { error } of failed) {
        opinions.push({ trigger: name, emails, verdict: 'failed', error: messageOf(error) });
      }
    }
  } finally {
    questions.close();
  }
  return opinions;
}

/** The answers, but recipients that an earlier trigger would notify now count as notified of the issue. */
function withNotified(answers: Answers, issue: Issue, notifiedNow: ReadonlySet<string>, now: Date): Answers {
  return {
    ...answers,
    notified: async (pairs, trigger) => {
      const stored = await answers.notified(pairs, trigger);
      return stored.map((notified, index) => {
        const pair = pairs[index];
        const isNow = pair?.issueId === issue.id && notifiedNow.has(pair.recipientId);
        return isNow ? { ...notified, lastNotified: new Date(now) } : notified;
      });
    },
  };
}
