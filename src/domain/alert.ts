import type { Counts, DayCounts, Issue } from './issue.ts';

/**
 * What a subject or a template shows of one alert. Texts from the event (the issue's message, module and stack
 * frames) are made fit to show: one line each, bounded, without control characters or bidirectional overrides. They
 * are still a stranger's words, and not escaped: templates escape what they print.
 */
export interface AlertView {
  /** The trigger's name. */
  readonly trigger: string;
  /** Whom it is sent to: an email address. */
  readonly recipient: string;
  readonly issue: Issue;
  /** Why the trigger decided to tell; one line. */
  readonly because: string;
  /** When the run judged the issue. */
  readonly ranAt: Date;
  /** On the run's UTC day. */
  readonly today: Counts;
  /** Over the buckets of the last seven days and today. */
  readonly week: Counts;
  /** Each of the last 14 UTC days, the oldest first, today last; a day without events counts nothing. */
  readonly days: readonly DayCounts[];
  /** The issue's page by `SENTRY_ISSUE_URL`, http or https; null without that variable. */
  readonly link: string | null;
  /** `ALERT_SUBJECT_PREFIX`. */
  readonly subjectPrefix: string;
}

/**
 * An email that several alerts of one run share for one recipient: `digest` holds all of them (`ALERT_DIGEST=run`),
 * `summary` those over `ALERT_MAX_PER_RUN`.
 */
export type Bundle = 'digest' | 'summary';
