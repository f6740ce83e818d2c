import type { AlertView } from './alert.ts';
import type { Counts, Issue, RankedIssue } from './issue.ts';

/** An email address that a trigger tells. */
export interface Recipient {
  /** Our own key, a decimal string. */
  readonly id: string;
  readonly email: string;
}

/**
 * What a trigger decides about one issue. `because` completes the sentence "you are told of this issue because":
 * it is stored, shown in the email and logged at DEBUG, the first 1,000 characters of it, on one line. Where nobody is
 * told it is logged alone.
 *
 * `recipients` are some of `context.recipients`, and default to all of them; with an empty list nobody is told.
 */
export type Verdict =
  | { readonly notify: false; readonly because?: string }
  | { readonly notify: true; readonly because: string; readonly recipients?: readonly Recipient[] };

/**
 * What a trigger may ask while it judges. All is answered from the run's snapshot, and what an earlier trigger
 * decided in the same run counts as notified. Questions asked for many issues are put to Postgres together, so ask
 * as often as you like, but don't wait in between for anything else: no network, no files.
 */
export interface TriggerContext {
  /** The run's time by the database's clock, one for the whole run. */
  readonly now: Date;
  /** One for each of the trigger's emails, in their order. */
  readonly recipients: readonly Recipient[];
  /**
   * Events and affected users in the buckets of `date >= today - days`, UTC: `days: 0` is today alone, `days: 7` is
   * today and the seven days before it.
   * @throws RangeError if `days` is not a whole number from 0 to 3,650
   */
  counts(issue: Issue, window: { days: number }): Promise<Counts>;
  /**
   * The most frequent issues, rank 1 first; all of them, not only the changed ones. Asked of Postgres once a run.
   * - `days`: the window, as of `counts`
   * - `limit`: how many, 1 to 10,000
   * - `by`: default 'events'
   * - `excludeModules`: prefixes; issues whose module starts with one are left out before ranking. Default none
   * @throws RangeError if `days` or `limit` is out of its range
   */
  top(query: {
    days: number;
    limit: number;
    by?: 'events' | 'users';
    excludeModules?: readonly string[];
  }): Promise<readonly RankedIssue[]>;
  /** When the recipient was last told of the issue, by any trigger; null if never. */
  lastNotified(recipient: Recipient, issue: Issue): Promise<Date | null>;
  /**
   * Those of `recipients` that were never notified of the issue.
   * - `by`: default 'anyTrigger', no trigger ever notified them; 'thisTrigger', the trigger of this name never did,
   *   whatever others did
   *
   * An alert counts from its decision on: also while it waits to be sent, and where SES rejects it.
   * @throws TypeError if `by` is something else
   */
  neverNotified(issue: Issue, by?: 'anyTrigger' | 'thisTrigger'): Promise<readonly Recipient[]>;
}

/** Judges an issue and names whom to tell. */
export interface Trigger {
  /** Unique among the triggers, 100 characters at most; stands in the subject. Renamed, it is another trigger. */
  readonly name: string;
  /** Whom it tells, each address once; with none it never notifies. */
  readonly emails: readonly string[];
  /** Default true. A trigger that isn't enabled is checked, and never asked. */
  readonly enabled?: boolean;
  /**
   * Default: `${alert.subjectPrefix} ${alert.trigger}: ${alert.issue.message}`. Made one line of at most 200
   * characters. Called on a made-up alert when the file is loaded, so it must do with any.
   */
  readonly subject?: (alert: AlertView) => string;
  /** Default 'basic-alert': a template's name, or a file beside the trigger file (docs/triggers.md). */
  readonly template?: string;
  /**
   * Called once for each changed issue in each run, for many issues at the same time. Throwing costs this issue's
   * judgement by this trigger only: it is reported and tried again in the next runs, ten at most.
   *
   * `bec-alerts triggers` calls it on made-up issues, so it must return a verdict on any issue and do nothing else.
   */
  evaluate(issue: Issue, context: TriggerContext): Verdict | Promise<Verdict>;
}

/**
 * Returns the trigger as it is; gives the author of a JavaScript file completion and checks. In a TypeScript file
 * `const trigger: Trigger = {…}` does the same without importing anything at run time.
 */
export function defineTrigger(trigger: Trigger): Trigger {
  return trigger;
}
