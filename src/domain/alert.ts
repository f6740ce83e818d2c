import type { Counts, DayCounts, Issue } from './issue.ts';

/**
 * One alert, for a subject or a template. Texts from the event (the issue's message, module and stack frames) are
 * prepared for display. Each is one line of limited length, without control characters and bidirectional overrides.
 * They are still untrusted and not escaped: templates escape the values that they print.
 */
export interface AlertView {
  /** The trigger's name. */
  readonly trigger: string;
  /** The email address that the alert is sent to. */
  readonly recipient: string;
  readonly issue: Issue;
  /** The trigger's reason to notify, on one line. */
  readonly because: string;
  /** Time of the run that evaluated the issue. */
  readonly ranAt: Date;
  /** Counts of the run's UTC day. */
  readonly today: Counts;
  /** Counts of the last seven UTC days and today. */
  readonly week: Counts;
  /** Counts of each of the last 14 UTC days, the oldest first, today last. A day without events has zeros. */
  readonly days: readonly DayCounts[];
  /** URL of the issue's page from `SENTRY_ISSUE_URL`, http or https; null without that variable. */
  readonly link: string | null;
  /** `ALERT_SUBJECT_PREFIX`. */
  readonly subjectPrefix: string;
}

/**
 * The kind of an email that several alerts of one run share for one recipient. A `digest` has all of them
 * (`ALERT_DIGEST=run`); a `summary` has those beyond `ALERT_MAX_PER_RUN`.
 */
export type Bundle = 'digest' | 'summary';
