import type { Past } from '../../db/past.ts';
import type { Counts, Issue } from '../../domain/issue.ts';
import type { Step } from '../../domain/step.ts';
import { oneLine } from '../../domain/text.ts';
import type { Recipient } from '../../domain/trigger.ts';
import type { Evaluations, Notify } from '../evaluator/evaluate.ts';
import { evaluate, LATE_PATIENCE_MILLISECONDS, PATIENCE_MILLISECONDS } from '../evaluator/evaluate.ts';
import type { PageQuestions, RankingCache } from '../evaluator/trigger-context.ts';
import { createContext, openPage } from '../evaluator/trigger-context.ts';
import { MAX_BECAUSE } from '../run/render-alerts.ts';
import type { TriggerSummary } from '../run/summary.ts';
import { createSummaryCounter } from '../run/summary.ts';
import type { ReadyTrigger } from '../triggers/load.ts';
import type { Limits } from './limits.ts';
import { noLimits, notingLimits } from './limits.ts';
import type { Notifications } from './notifications.ts';
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
  /** Their addresses as they are stored. */
  readonly recipients: readonly string[];
  readonly limits: Readonly<Limits>;
}

/** Evaluates with the triggers of one file, step by step. */
export interface Rehearsal {
  /**
   * Pages of one step may be evaluated at the same time, since each issue is in one of them.
   * @returns adds the decisions to the result; to be called in the order of the pages
   * @throws once the signal fires
   */
  evaluatePage(
    issues: readonly Issue[],
    step: Step,
    rankings: RankingCache,
    signal: AbortSignal,
  ): Promise<() => void>;
  result(): RehearsedFile;
}

export interface RehearsalOptions {
  readonly past: Past;
  readonly triggers: readonly ReadyTrigger[];
  /** By address. */
  readonly recipients: ReadonlyMap<string, Recipient>;
  readonly notifications: Notifications;
  /** Whether the alerts are compared with those of another file. */
  readonly compared: boolean;
}

interface RehearsingTrigger {
  readonly ready: ReadyTrigger;
  readonly recipients: readonly Recipient[];
  readonly summary: ReturnType<typeof createSummaryCounter>;
  readonly limits: Limits;
  late: boolean;
}

/** As in a run: one trigger after the other, and alerts of the earlier ones count as notified. */
export function rehearse(options: RehearsalOptions): Rehearsal {
  const { past, triggers, recipients, notifications, compared } = options;
  const tally = tallyAlerts(compared);
  const rehearsing: RehearsingTrigger[] = triggers.map((ready) => ({
    ready,
    recipients: ready.trigger.emails.flatMap((email) => recipients.get(email) ?? []),
    summary: createSummaryCounter(ready.trigger.name),
    limits: noLimits(),
    late: false,
  }));

  const record = async (trigger: string, notify: readonly Notify[], step: Step, questions: PageQuestions) => {
    const weeks = await weekCounts(
      questions,
      notify.map(({ issue }) => issue),
    );
    for (const { issue, recipients: notified } of notify) {
      const { events, users } = weeks.get(issue.id) ?? { events: 0, users: 0 };
      const pairs = notified.map(({ id }) => ({ recipientId: id, issueId: issue.id, events, users }));
      notifications.record(pairs, trigger, step.end);
    }
  };
  const count = ({ ready, summary }: RehearsingTrigger, evaluations: Evaluations, step: Step) => {
    const { notify, declined, failed } = evaluations;
    summary.notified(notify.length);
    for (const { because } of declined) summary.declined(because);
    for (const { issue, error } of failed) summary.failed(issue.id, error);
    for (const { issue, because, recipients: notified } of notify) {
      tally.add(ready.trigger.name, issue, oneLine(because, MAX_BECAUSE), notified, step.end);
    }
  };

  return {
    async evaluatePage(issues, step, rankings, signal) {
      const questions = openPage(pastAnswers(past, notifications, step), rankings);
      const evaluated: [RehearsingTrigger, Evaluations][] = [];
      try {
        for (const one of rehearsing) {
          const { trigger } = one.ready;
          const asker = { name: trigger.name, recipients: one.recipients };
          const noted = notingLimits(questions, past, step.end, one.limits);
          const context = createContext(noted, step.end, asker);
          const patience = one.late ? LATE_PATIENCE_MILLISECONDS : PATIENCE_MILLISECONDS;
          const evaluations = await evaluate(trigger, issues, context, patience, signal);
          one.late ||= evaluations.late;
          await record(trigger.name, evaluations.notify, step, questions);
          evaluated.push([one, evaluations]);
        }
      } finally {
        questions.close();
      }
      return () => {
        for (const [one, evaluations] of evaluated) count(one, evaluations, step);
      };
    },
    result: () => ({
      alerts: tally.tally(),
      triggers: rehearsing.map(({ recipients: known, summary, limits }) => ({
        ...summary.summary(),
        recipients: known.map(({ email }) => email),
        limits,
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
