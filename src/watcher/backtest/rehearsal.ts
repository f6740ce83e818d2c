import type { Step } from '../../db/past.ts';
import type { Counts, Issue } from '../../domain/issue.ts';
import { oneLine } from '../../domain/text.ts';
import type { Recipient } from '../../domain/trigger.ts';
import { evaluate } from '../run/evaluate.ts';
import { MAX_BECAUSE } from '../run/render-alerts.ts';
import type { TriggerSummary } from '../run/summary.ts';
import { createSummaryCounter } from '../run/summary.ts';
import type { PageQuestions, RankingCache } from '../run/trigger-context.ts';
import { createContext, openPage } from '../run/trigger-context.ts';
import type { ReadyTrigger } from '../triggers/load.ts';
import type { PastSource } from './past-answers.ts';
import { pastAnswers } from './past-answers.ts';
import type { AlertTally } from './tally.ts';
import { tallyAlerts } from './tally.ts';

/** The decisions that the triggers of one file would have made. */
export interface RehearsedFile {
  readonly alerts: AlertTally;
  /** In the triggers' order. */
  readonly triggers: readonly RehearsedTrigger[];
}

export interface RehearsedTrigger extends TriggerSummary {
  readonly recipients: readonly string[];
  /** The trigger asked about hours that are not stored, so they were estimated. */
  readonly estimated: boolean;
}

/** Evaluates with the triggers of one file, step by step. */
export interface Rehearsal {
  evaluatePage(issues: readonly Issue[], step: Step, rankings: RankingCache): Promise<void>;
  result(): RehearsedFile;
}

interface RehearsingTrigger {
  readonly ready: ReadyTrigger;
  readonly recipients: readonly Recipient[];
  readonly summary: ReturnType<typeof createSummaryCounter>;
  estimated: boolean;
}

/** As in a run: one trigger after the other, and alerts of the earlier ones count as notified. */
export function rehearse(
  triggers: readonly ReadyTrigger[],
  recipients: ReadonlyMap<string, Recipient>,
  source: Omit<PastSource, 'onEstimate'>,
): Rehearsal {
  const tally = tallyAlerts();
  const rehearsing: RehearsingTrigger[] = triggers.map((ready) => ({
    ready,
    recipients: ready.trigger.emails.flatMap((email) => recipients.get(email) ?? []),
    summary: createSummaryCounter(ready.trigger.name),
    estimated: false,
  }));

  const evaluateWith = async (
    one: RehearsingTrigger,
    issues: readonly Issue[],
    step: Step,
    questions: PageQuestions,
  ) => {
    const { trigger } = one.ready;
    const asker = { name: trigger.name, recipients: one.recipients };
    const context = createContext(questions, step.end, asker);
    const { notify, declined, failed } = await evaluate(trigger, issues, context);
    one.summary.notified(notify.length);
    for (const { because } of declined) one.summary.declined(because);
    for (const { issue, error } of failed) one.summary.failed(issue.id, error);
    const weeks = await weekCounts(
      questions,
      notify.map(({ issue }) => issue),
    );
    for (const { issue, because, recipients: notified } of notify) {
      const { events, users } = weeks.get(issue.id) ?? { events: 0, users: 0 };
      const pairs = notified.map(({ id }) => ({ recipientId: id, issueId: issue.id, events, users }));
      source.notifications.record(pairs, trigger.name, step.end);
      tally.add(trigger.name, issue, oneLine(because, MAX_BECAUSE), notified, step.end);
    }
  };

  return {
    async evaluatePage(issues, step, rankings) {
      let asking: RehearsingTrigger | undefined;
      const onEstimate = () => {
        if (asking !== undefined) asking.estimated = true;
      };
      const questions = openPage(pastAnswers({ ...source, onEstimate }, step), rankings);
      try {
        for (const one of rehearsing) {
          asking = one;
          await evaluateWith(one, issues, step, questions);
        }
      } finally {
        questions.close();
      }
    },
    result: () => ({
      alerts: tally.tally(),
      triggers: rehearsing.map(({ ready, summary, estimated }) => ({
        ...summary.summary(),
        recipients: ready.trigger.emails,
        estimated,
      })),
    }),
  };
}

/** The counts that an alert remembers. */
async function weekCounts(questions: PageQuestions, issues: readonly Issue[]): Promise<Map<string, Counts>> {
  const counts = await Promise.all(
    issues.map(async ({ id }) => [id, await questions.counts(id, { unit: 'day', back: 7 })] as const),
  );
  return new Map(counts);
}
