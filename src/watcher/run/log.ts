import type { NewAlert } from '../../db/outbox.ts';
import type { Issue } from '../../domain/issue.ts';
import { MAX_SILENCE_AUTHOR } from '../../domain/silence.ts';
import { oneLine, plural } from '../../domain/text.ts';
import { CodedError, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Reporter } from '../../runtime/report.ts';
import type { Decline, EvaluationFailure } from '../evaluator/evaluate.ts';
import { MAX_BECAUSE } from './render-alerts.ts';
import type { Dropped } from './silence.ts';
import type { TriggerSummary } from './summary.ts';

/**
 * Logs a run's evaluations: at DEBUG the ids and the outcome of each issue, and at ERROR each distinct error once. It
 * logs at INFO each issue whose alerts a silence drops.
 */
export interface RunLog {
  newTrigger(trigger: string, since: Date): void;
  evaluating(issues: readonly Issue[], again?: { readonly trigger: string }): void;
  alerts(trigger: string, issues: readonly Issue[], alerts: readonly NewAlert[]): void;
  silenced(trigger: string, dropped: readonly Dropped[]): void;
  declined(trigger: string, declines: readonly Decline[]): void;
  failed(trigger: string, failures: readonly EvaluationFailure[]): void;
  /** Call this at the end of the run, whether it succeeds or not. */
  errors(summaries: readonly TriggerSummary[]): void;
}

/**
 * Distinct errors of one trigger and run that are logged with their stack and reported. Of the others, the number is
 * logged.
 */
const REPORTED_ERRORS = 5;

export function createRunLog(run: string, logger: Logger, reporter: Reporter): RunLog {
  const idsOf = (issue: Issue) => ({ run, issue: issue.id, group_id: issue.groupId });
  return {
    newTrigger(trigger, since) {
      logger.info(
        'a trigger is new to this database: it starts with the issues that were last seen since a time',
        {
          trigger,
          since: since.toISOString(),
        },
      );
    },

    evaluating(issues, again) {
      const message = again === undefined ? 'evaluating an issue' : 'evaluating an issue again';
      for (const issue of issues) logger.debug(message, { ...idsOf(issue), ...again });
    },

    alerts(trigger, issues, alerts) {
      const byIssue = Map.groupBy(alerts, ({ issueId }) => issueId);
      for (const issue of byIssue.size === 0 ? [] : issues) {
        for (const { recipientId: recipient, because } of byIssue.get(issue.id) ?? [])
          logger.debug('a trigger notifies about an issue', { ...idsOf(issue), trigger, recipient, because });
      }
    },

    silenced(trigger, dropped) {
      for (const { notify, silence } of dropped) {
        const { id, end, by } = silence;
        logger.info('an alert is dropped because of a silence', {
          ...idsOf(notify.issue),
          trigger,
          recipients: notify.recipients.length,
          silence: id,
          ...('until' in end ? { until: end.until.toISOString() } : { until_users: end.usersOver }),
          by: oneLine(by, MAX_SILENCE_AUTHOR),
        });
      }
    },

    declined(trigger, declines) {
      for (const { issue, because } of declines) {
        const fields = { ...idsOf(issue), trigger, because: because?.slice(0, MAX_BECAUSE) };
        logger.debug('a trigger declines to notify about an issue', fields);
      }
    },

    failed(trigger, failures) {
      for (const { issue, error } of failures) {
        logger.debug('a trigger failed on an issue', { ...idsOf(issue), trigger, reason: messageOf(error) });
      }
    },

    errors(summaries) {
      for (const { trigger, errors } of summaries) {
        for (const { error, issueId, issues } of errors.slice(0, REPORTED_ERRORS)) {
          const which = issues === 1 ? `issue ${issueId}` : `${issues} issues, first on issue ${issueId}`;
          const message = `trigger "${trigger}" failed on ${which}: ${messageOf(error)}`;
          reporter.report(
            new CodedError('trigger_failed', message, { retryable: true, cause: error }),
            'a trigger failed; the next runs evaluate these issues again, ten times at most',
            { run, trigger, issue: issueId, issues },
          );
        }
        const more = errors.length - REPORTED_ERRORS;
        if (more > 0) {
          const message = `a trigger failed with ${plural(more, 'more error')}; LOG_LEVEL=DEBUG logs each of them`;
          logger.error(message, { run, trigger });
        }
      }
    },
  };
}
