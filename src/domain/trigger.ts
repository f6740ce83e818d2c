import type { AlertView } from './alert.ts';
import type { Counts, Issue, RankedIssue } from './issue.ts';

/** An email address that a trigger tells. */
export interface Recipient {
  /** Our own key, a decimal string. */
  readonly id: string;
  readonly email: string;
}

/**
 * What a trigger decides about one issue. `because` is logged, stored and shown in the email.
 * `recipients` defaults to all of the trigger's.
 */
export type Verdict =
  | { readonly notify: false; readonly because?: string }
  | { readonly notify: true; readonly because: string; readonly recipients?: readonly Recipient[] };

/**
 * What a trigger may ask while it judges. All is answered from the run's snapshot, and what an earlier trigger
 * decided in the same run counts as notified. Questions asked for many issues are put to Postgres together.
 */
export interface TriggerContext {
  /** The run's time, one for the whole run. */
  readonly now: Date;
  /** One for each of the trigger's emails, in their order. */
  readonly recipients: readonly Recipient[];
  /** Events and affected users in the buckets of `date >= today - days`, UTC. `days` is 0 (today alone) or more. */
  counts(issue: Issue, window: { days: number }): Promise<Counts>;
  /**
   * The most frequent issues, rank 1 first. `by` defaults to 'events'; issues whose module starts with one of
   * `excludeModules` are left out before ranking.
   */
  top(query: {
    days: number;
    limit: number;
    by?: 'events' | 'users';
    excludeModules?: readonly string[];
  }): Promise<readonly RankedIssue[]>;
  /** When the recipient was last told of the issue, by any trigger; null if never. */
  lastNotified(recipient: Recipient, issue: Issue): Promise<Date | null>;
  /** Those of `recipients` that no trigger ever told of the issue. */
  neverNotified(issue: Issue): Promise<readonly Recipient[]>;
}

/** Judges an issue and names whom to tell. */
export interface Trigger {
  /** Unique among the triggers; stands in the subject. */
  readonly name: string;
  /** Whom it tells; with none it never notifies. */
  readonly emails: readonly string[];
  /** Default true. */
  readonly enabled?: boolean;
  /** Default: `${subjectPrefix} ${trigger}: ${issue.message}`. Made one line of at most 200 characters. */
  readonly subject?: (alert: AlertView) => string;
  /** Default 'basic-alert': a template's name, or a path beside the trigger file. */
  readonly template?: string;
  /**
   * Called once for each changed issue. Throwing costs this issue's judgement by this trigger only: it is
   * reported and tried again in the next runs, ten at most.
   */
  evaluate(issue: Issue, context: TriggerContext): Verdict | Promise<Verdict>;
}

/** Returns the trigger as it is; gives a JavaScript or TypeScript author completion and checks. */
export function defineTrigger(trigger: Trigger): Trigger {
  return trigger;
}
