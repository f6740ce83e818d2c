import type { Counts } from '../../domain/issue.ts';
import { oneLine } from '../../domain/text.ts';
import { shownIssue } from '../../mail/format.ts';
import type { Explanation } from '../../watcher/explain/explain.ts';
import type { Opinion } from '../../watcher/explain/opinions.ts';
import { silenceJson } from './silences-text.ts';

const MAX_TEXT = 1_000;

/** The explanation as one JSON object. Texts of events are made safe to show, as in the emails. */
export function toJson(explanation: Explanation): string {
  const { at, facts, nextRun, opinions, alerts, forgotten, failures, silences } = explanation;
  const document = {
    explained_at: at,
    issue: issueJson(explanation),
    counts: {
      this_hour: countsOf(facts.hours.at(-1)),
      last_hour: countsOf(facts.lastHour),
      same_hour_yesterday: countsOf(facts.hourYesterday),
      today: countsOf(facts.today),
      seven_days: countsOf(facts.week),
    },
    days: facts.days.map(({ date, ...counts }) => ({ date, ...countsOf(counts) })),
    hours: facts.hours.map(({ at: hour, ...counts }) => ({ at: hour, ...countsOf(counts) })),
    next_run: nextRun,
    triggers: opinions.map(opinionJson),
    alerts: alerts.listed.map((alert) => ({
      created_at: alert.createdAt,
      trigger: alert.trigger,
      recipient: alert.email,
      because: oneLine(alert.because, MAX_TEXT),
      status: alert.status,
      attempts: alert.attempts,
      last_error: shownOrNull(alert.lastError),
      sent_at: alert.sentAt,
      bounced_at: alert.bouncedAt,
      ses_message_id: alert.sesMessageId,
    })),
    more_alerts: alerts.more,
    alerts_not_stored: forgotten.listed.map(({ at: notifiedAt, trigger, email }) => ({
      notified_at: notifiedAt,
      trigger,
      recipient: email,
    })),
    more_alerts_not_stored: forgotten.more,
    failed_evaluations: failures.map(({ trigger, attempts, lastError }) => ({
      trigger,
      attempts,
      last_error: oneLine(lastError, MAX_TEXT),
    })),
    silences: [
      ...silences.holding.map((silence) => ({ holds: true, ...silenceJson(silence), users: silence.users })),
      ...silences.over.map((silence) => ({ holds: false, ...silenceJson(silence), users: null })),
    ],
  };
  return JSON.stringify(document, null, 2);
}

function issueJson({ issue, facts: { novelty } }: Explanation) {
  const { groupId, projectId, message, logMessage, module, firstRelease, environment, stackFrames } =
    shownIssue(issue);
  return {
    group_id: groupId,
    project_id: projectId,
    message,
    log_message: logMessage,
    module,
    first_release: firstRelease,
    environment,
    first_seen: issue.firstSeen,
    last_seen: issue.lastSeen,
    novelty: novelty.is,
    back_after_days: novelty.is === 'back' ? novelty.afterDays : null,
    stack_frames: stackFrames,
  };
}

/** Every verdict has the same keys, so that a script need not ask which one it is first. */
function opinionJson(opinion: Opinion) {
  const { trigger, emails, verdict } = opinion;
  const because = 'because' in opinion ? opinion.because : undefined;
  return {
    trigger,
    emails,
    verdict,
    because: shownOrNull(because ?? null),
    recipients: verdict === 'notify' ? opinion.recipients : [],
    silenced_by: verdict === 'notify' ? (opinion.silence?.id ?? null) : null,
    error: verdict === 'failed' ? oneLine(opinion.error, MAX_TEXT) : null,
  };
}

function countsOf(counts: Counts | undefined): Counts {
  return { events: counts?.events ?? 0, users: counts?.users ?? 0 };
}

function shownOrNull(text: string | null): string | null {
  return text === null ? null : oneLine(text, MAX_TEXT);
}
