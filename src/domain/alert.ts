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

/** One (run, trigger, recipient, issue) to be told, as it stands in the outbox. */
export interface Alert {
  readonly id: string;
  readonly trigger: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  /** How often it was tried before. */
  readonly attempts: number;
}
