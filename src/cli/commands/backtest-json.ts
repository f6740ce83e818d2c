import { oneLine } from '../../domain/text.ts';
import type { Backtest } from '../../watcher/backtest/backtest.ts';
import type { RehearsedFile, RehearsedTrigger } from '../../watcher/backtest/rehearsal.ts';
import type { AlertTally, PastAlert } from '../../watcher/backtest/tally.ts';
import { onlyIn } from '../../watcher/backtest/tally.ts';
import { notKnown } from './backtest-text.ts';

const MAX_TEXT = 1_000;

/** The backtest as one JSON object. @param names the files' names, in the order of the backtest's files */
export function backtestJson(result: Backtest, names: readonly string[]): string {
  const { steps, stored, files } = result;
  const [one, other] = files;
  const comparison =
    one === undefined || other === undefined
      ? {}
      : {
          only_first: onlyIn(one.alerts, other.alerts).map(alertJson),
          only_second: onlyIn(other.alerts, one.alerts).map(alertJson),
        };
  const document = {
    from: steps[0]?.start ?? null,
    to: steps.at(-1)?.end ?? null,
    day_steps: steps.filter(({ unit }) => unit === 'day').length,
    hour_steps: steps.filter(({ unit }) => unit === 'hour').length,
    days_since: stored.daysSince,
    hours_since: stored.hoursSince,
    files: files.map((file, index) => fileJson(file, names[index] ?? '')),
    ...comparison,
    not_known: notKnown(result),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function fileJson({ alerts, triggers }: RehearsedFile, name: string) {
  const { busiest, most } = alerts;
  return {
    file: name,
    alert_count: alerts.alerts,
    issue_count: alerts.issues,
    days: [...alerts.days].map(([date, count]) => ({ date, alerts: count })),
    triggers: triggers.map((trigger) => triggerJson(trigger, alerts)),
    busiest_issue: busiest === null ? null : { ...alertIssue(busiest), alerts: busiest.alerts },
    most_in_one_step: most,
    alerts: alerts.list.map(alertJson),
    alerts_not_listed: alerts.alerts - alerts.list.length,
  };
}

function triggerJson(trigger: RehearsedTrigger, alerts: AlertTally) {
  const counts = alerts.byTrigger.get(trigger.trigger);
  return {
    trigger: trigger.trigger,
    recipients: trigger.recipients.map((email) => ({ email, alerts: counts?.get(email) ?? 0 })),
    notified: trigger.notified,
    declined: trigger.declined,
    reasons: trigger.reasons.map(({ because, issues }) => ({
      because: because === null ? null : oneLine(because, MAX_TEXT),
      evaluations: issues,
    })),
    errors: trigger.errors.map(({ error, issues }) => ({
      error: oneLine(error.message, MAX_TEXT),
      evaluations: issues,
    })),
    estimated_hours: trigger.limits.estimated,
    surely_since: trigger.limits.surelySince,
  };
}

function alertJson({ at, trigger, recipient, because, ...issue }: PastAlert) {
  return { at, trigger, recipient, ...alertIssue(issue), because };
}

function alertIssue({ groupId, message }: Pick<PastAlert, 'groupId' | 'message'>) {
  return { group_id: groupId, message: oneLine(message, MAX_TEXT) };
}
