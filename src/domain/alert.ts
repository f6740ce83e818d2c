import type { Counts, Issue } from './issue.ts';

/** What a subject or a template shows of one alert. */
export interface AlertView {
  /** The trigger's name. */
  readonly trigger: string;
  /** Whom it is sent to: an email address. */
  readonly recipient: string;
  readonly issue: Issue;
  /** Why the trigger decided to tell. */
  readonly because: string;
  /** When the run judged the issue. */
  readonly ranAt: Date;
  /** On the run's UTC day. */
  readonly today: Counts;
  /** Over the buckets of the last seven days and today. */
  readonly week: Counts;
  /** The issue's page, by `SENTRY_ISSUE_URL`; null without that variable. */
  readonly link: string | null;
  /** `ALERT_SUBJECT_PREFIX`. */
  readonly subjectPrefix: string;
}

/**
 * An email that several alerts of one run share for one recipient: `digest` holds all of them (`ALERT_DIGEST=run`),
 * `summary` those over `ALERT_MAX_PER_RUN`.
 */
export type Bundle = 'digest' | 'summary';
