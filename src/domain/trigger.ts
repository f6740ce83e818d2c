import type { AlertView } from './alert.ts';
import type { BucketCounts, Counts, Issue, RankedIssue, TagCount } from './issue.ts';
import type { Tag } from './tags.ts';

/** An email address that a trigger notifies. */
export interface Recipient {
  /** Our own key, a decimal string. */
  readonly id: string;
  readonly email: string;
}

/**
 * A trigger's decision about one issue. `because` completes the sentence "you are notified of this issue because".
 * Its first 1,000 characters are stored, shown in the email and logged at DEBUG, on one line. If nobody is notified,
 * they are only logged.
 *
 * `recipients` are some of `context.recipients`. Default: all of them. With an empty list nobody is notified.
 */
export type Verdict =
  | { readonly notify: false; readonly because?: string }
  | { readonly notify: true; readonly because: string; readonly recipients?: readonly Recipient[] };

/** An alert that a trigger decided on earlier. The counts are those of seven days (`{ days: 7 }`) at that time. */
export interface LastAlert extends Counts {
  /** The time of the run that decided on the alert. */
  readonly at: Date;
}

/**
 * The questions that a trigger may ask while it evaluates an issue. All answers come from the run's snapshot.
 * Recipients that an earlier trigger notified in the same run count as notified.
 *
 * Questions about many issues go to Postgres together, so ask as often as you like. But don't wait in between for
 * anything else: no network, no files.
 */
export interface TriggerContext {
  /** The run's time by the database's clock, one for the whole run. */
  readonly now: Date;
  /** One for each of the trigger's emails, in their order. */
  readonly recipients: readonly Recipient[];
  /**
   * Events and affected users of a window, which always includes the current UTC day or hour. `days: 0` is today only,
   * `days: 7` is today and the seven days before it. `hours: 0` is the current hour, `hours: 1` also the hour before it.
   * @throws RangeError if `days` is not a whole number from 0 to 3,650, or `hours` from 0 to 191
   */
  counts(issue: Issue, window: { days: number } | { hours: number }): Promise<Counts>;
  /**
   * Counts of each UTC day or hour of a window, the oldest first. The last is the current one, which isn't over. A day or
   * hour without events has zeros.
   * @throws RangeError if `days` is not a whole number from 0 to 366, or `hours` from 0 to 191
   */
  series(issue: Issue, window: { days: number } | { hours: number }): Promise<readonly BucketCounts[]>;
  /**
   * The values that a tag had in the window, the most frequent first: at most 20, and `(other)` for further values. They
   * are estimated from up to 64 events of each day. Empty if events had no such tag, or if `EVENT_TAGS` leaves it out.
   * @throws TypeError if there is no such tag
   * @throws RangeError if `days` is not a whole number from 0 to 3,650
   */
  tags(issue: Issue, tag: Tag, window: { days: number }): Promise<readonly TagCount[]>;
  /**
   * The most frequent of all issues, changed or not, rank 1 first. Postgres is asked once a run.
   * - `days`: the window, as of `counts`.
   * - `limit`: number of issues, 1 to 10,000.
   * - `by`: default `'events'`.
   * - `excludeModules`: prefixes. Issues whose module starts with one are left out before ranking. Default: none.
   * @throws RangeError if `days` or `limit` is out of its range
   */
  top(query: {
    days: number;
    limit: number;
    by?: 'events' | 'users';
    excludeModules?: readonly string[];
  }): Promise<readonly RankedIssue[]>;
  /** When the recipient was last notified of the issue, by any trigger; null if never. */
  lastNotified(recipient: Recipient, issue: Issue): Promise<Date | null>;
  /**
   * Those of `recipients` that were never notified of the issue.
   * - `by: 'anyTrigger'`, the default: no trigger ever notified them.
   * - `by: 'thisTrigger'`: the trigger of this name never did, whatever others did.
   *
   * An alert counts from its decision on: also while it waits to be sent, and even if SES rejects it.
   * @throws TypeError if `by` is something else
   */
  neverNotified(issue: Issue, by?: 'anyTrigger' | 'thisTrigger'): Promise<readonly Recipient[]>;
  /**
   * This trigger's last alert to the recipient about the issue; null if it sent none. Alerts count from the update on
   * that added this question.
   */
  lastAlert(recipient: Recipient, issue: Issue): Promise<LastAlert | null>;
}

/** Evaluates an issue and names the recipients to notify. */
export interface Trigger {
  /** Unique among the triggers, 100 characters at most; part of the subject. A new name makes it another trigger. */
  readonly name: string;
  /** The addresses that it notifies, each once. Without any it never notifies. */
  readonly emails: readonly string[];
  /** Default true. A disabled trigger is checked but never called. */
  readonly enabled?: boolean;
  /**
   * Default: `${alert.issue.message} · ${alert.trigger} ${alert.subjectPrefix}`. Made one line of at most 200
   * characters. The later emails of a thread have the subject of its first. Called on a made-up alert when the file is loaded, so it must work for any alert.
   */
  readonly subject?: (alert: AlertView) => string;
  /** A template's name, or a file next to the trigger file (docs/triggers.md). Default 'basic-alert'. */
  readonly template?: string;
  /**
   * Called once for each changed issue in each run, for many issues at the same time. If it throws, only this trigger's
   * evaluation of this issue fails. The failure is reported, and the next runs retry it, ten runs at most.
   *
   * `bec-alerts triggers` calls it on made-up issues, so it must return a verdict on any issue and do nothing else.
   */
  evaluate(issue: Issue, context: TriggerContext): Verdict | Promise<Verdict>;
}

/**
 * Returns the trigger unchanged. It gives the author of a JavaScript file completion and type checks. In a TypeScript
 * file `const trigger: Trigger = {…}` does the same without importing anything at run time.
 */
export function defineTrigger(trigger: Trigger): Trigger {
  return trigger;
}
