import type { NewAlert } from '../../db/alerts.ts';
import type { Issue } from '../../domain/issue.ts';
import { CodedError, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Reporter } from '../../runtime/report.ts';
import type { FailedJudgement, Silence } from './evaluate.ts';
import { MAX_BECAUSE } from './render-alerts.ts';

/** What log and Sentry are told of one run's judgements: failures, and at DEBUG each issue's way by its ids. */
export interface Teller {
  judging(issues: readonly Issue[], again?: { readonly trigger: string }): void;
  decided(
    trigger: string,
    issues: readonly Issue[],
    alerts: readonly NewAlert[],
    silences: readonly Silence[],
  ): void;
  /** @param count which failure of the trigger in this run it is, from 1 */
  failed(trigger: string, failure: FailedJudgement, count: number): void;
}

/** Of one trigger in one run; a trigger that is broken fails on every issue. */
const REPORTED_FAILURES = 5;

export function createTeller(run: string, logger: Logger, reporter: Reporter): Teller {
  const idsOf = (issue: Issue) => ({ run, issue: issue.id, group_id: issue.groupId });
  return {
    judging(issues, again) {
      const message = again === undefined ? 'judging an issue' : 'judging an issue again';
      for (const issue of issues) logger.debug(message, { ...idsOf(issue), ...again });
    },

    decided(trigger, issues, alerts, silences) {
      const told = Map.groupBy(alerts, ({ issueId }) => issueId);
      for (const issue of told.size === 0 ? [] : issues) {
        for (const { recipientId: recipient, because } of told.get(issue.id) ?? [])
          logger.debug('decided to tell of an issue', { ...idsOf(issue), trigger, recipient, because });
      }
      for (const { issue, silent } of silences) {
        const because = silent?.slice(0, MAX_BECAUSE);
        logger.debug('decided not to tell of an issue', { ...idsOf(issue), trigger, because });
      }
    },

    failed(trigger, { issue, error }, count) {
      const fields = { ...idsOf(issue), trigger };
      if (count > REPORTED_FAILURES) {
        logger.debug('a trigger failed on one more issue', fields);
        return;
      }
      const message = `trigger "${trigger}" failed on issue ${issue.id}: ${messageOf(error)}`;
      reporter.report(
        new CodedError('trigger_failed', message, { retryable: true, cause: error }),
        'a trigger failed; it judges this issue again in the next runs',
        fields,
      );
    },
  };
}
