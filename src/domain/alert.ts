import type { BucketCounts, Counts, DayCounts, Issue, TagValues } from './issue.ts';

/**
 * One alert, for a subject or a template. Texts from the event are prepared for display: each is one line of limited
 * length, without control characters and bidirectional overrides. These texts are the issue's message, log message,
 * module, release and stack frames, and the values of tags. They are still untrusted and not escaped: templates escape
 * the values that they print.
 */
export interface AlertView extends AlertFacts {
  /** The trigger's name. */
  readonly trigger: string;
  /** The email address that the alert is sent to. */
  readonly recipient: string;
  /** The other recipients of the same alert. */
  readonly otherRecipients: readonly string[];
  /** The last alert about the issue to the recipient, of any trigger; null if this is the first one. */
  readonly lastNotified: LastNotified | null;
  readonly issue: Issue;
  /** The trigger's reason to notify, on one line. */
  readonly because: string;
  /** Time of the run that evaluated the issue. */
  readonly ranAt: Date;
  /** URL of the issue's page from `SENTRY_ISSUE_URL`, http or https; null without that variable. */
  readonly link: string | null;
  /** `ALERT_SUBJECT_PREFIX`. */
  readonly subjectPrefix: string;
}

/** An earlier alert about an issue to a recipient. */
export interface LastNotified {
  /** The time of the run that decided it; that of the alert's own run if another trigger notified in it. */
  readonly at: Date;
  /** The triggers that notified in that run; empty if they aren't known. */
  readonly triggers: readonly string[];
}

/** Counts, tags and novelty of an issue at the time of a run. */
export interface AlertFacts {
  /** Counts of the run's UTC day until the run. */
  readonly today: Counts;
  /** Counts of the last seven UTC days and today. */
  readonly week: Counts;
  /** Counts of each of the last 14 UTC days, the oldest first, today last. A day without events has zeros. */
  readonly days: readonly DayCounts[];
  /** Counts of each of the last 24 UTC hours, the oldest first. The last is the run's hour, which isn't over. */
  readonly hours: readonly BucketCounts[];
  /** Counts of the last hour that is over, which is the hour before the run. */
  readonly lastHour: BucketCounts;
  /** Counts of the same hour as `lastHour`, one day earlier. */
  readonly hourYesterday: BucketCounts;
  /** The values of each tag in the last seven UTC days and today, the most frequent first. */
  readonly tags: TagValues;
  readonly novelty: Novelty;
}

/** `new`: first seen less than 24 hours before the run. `back`: seen again after at least seven days without events. */
export type Novelty =
  | { readonly is: 'new' }
  /** `afterDays`: days since the event before; null if its day is no longer stored. */
  | { readonly is: 'back'; readonly afterDays: number | null }
  | { readonly is: 'known' };

/**
 * The kind of an email that several alerts of one run share for one recipient. A `digest` has all of them
 * (`ALERT_DIGEST=run`); a `summary` has those beyond `ALERT_MAX_PER_RUN`.
 */
export type Bundle = 'digest' | 'summary';
