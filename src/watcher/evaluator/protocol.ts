import type { SentIssues } from '../../db/issue-row.ts';
import type { Notified, Pair } from '../../db/recipients.ts';
import type { AlertView } from '../../domain/alert.ts';
import type { BucketCounts, RankedIssue, TagCount } from '../../domain/issue.ts';
import type { Tag } from '../../domain/tags.ts';
import type { Window } from '../../domain/time.ts';
import type { Recipient } from '../../domain/trigger.ts';
import type { WireError } from '../../runtime/errors.ts';
import { messageGuard } from '../../runtime/message-guard.ts';
import type { ConfiguredTriggers } from '../triggers/configured.ts';
import type { Ranking } from './answers.ts';
import type { NamedTrigger } from './evaluator.ts';

/** A message from the watcher to the process that runs its triggers. */
export type EvaluatorCommand =
  | { readonly type: 'load'; readonly configured: ConfiguredTriggers }
  /** `run`: another number means another run, whose rankings are asked for again. */
  | {
      readonly type: 'page';
      readonly run: number;
      readonly now: Date;
      readonly issues: SentIssues;
    }
  /**
   * `from`: the place of the first issue in the page. One by one, each outcome is reported at once.
   */
  | {
      readonly type: 'evaluate';
      readonly trigger: string;
      readonly recipients: readonly Recipient[];
      /** How long it may take over all issues. */
      readonly milliseconds: number;
      readonly from: number;
      /** Null: all at the same time. Otherwise one by one, each in this time at most. */
      readonly eachMilliseconds: number | null;
    }
  /** Their issues have the texts that are shown. */
  | { readonly type: 'render'; readonly trigger: string; readonly alerts: readonly AlertView[] }
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'no-answer'; readonly id: number; readonly error: WireError }
  | { readonly type: 'close' };

/** A question of the triggers' process, by the name of its answer in `Answers`. */
export type Question =
  | { readonly of: 'counts'; readonly issueIds: readonly string[]; readonly window: Window }
  | { readonly of: 'series'; readonly issueIds: readonly string[]; readonly window: Window }
  | {
      readonly of: 'tags';
      readonly issueIds: readonly string[];
      readonly tag: Tag;
      readonly window: Window;
    }
  | { readonly of: 'top'; readonly ranking: Ranking }
  | { readonly of: 'notified'; readonly pairs: readonly Pair[]; readonly trigger: string };

export interface AnswerOf {
  /** Events and users of each issue, one after the other. */
  readonly counts: Float64Array;
  readonly series: ReadonlyMap<string, readonly BucketCounts[]>;
  readonly tags: ReadonlyMap<string, readonly TagCount[]>;
  readonly top: SentRanking;
  readonly notified: readonly Notified[];
}

export interface SentRanking {
  readonly issues: SentIssues;
  readonly ranks: readonly Omit<RankedIssue, 'issue'>[];
}

/** The outcome of one evaluation, without its issue. */
export type SentOutcome =
  | { readonly verdict: 'notify'; readonly because: string; readonly recipientIds: readonly string[] }
  | { readonly verdict: 'decline'; readonly because: string | undefined }
  | { readonly verdict: 'failed'; readonly error: WireError };

/** Outcomes in the order of the issues. Nearly all of them decline, for a few reasons. */
export interface SentOutcomes {
  /** Distinct reasons to decline. */
  readonly reasons: readonly (string | undefined)[];
  /** The place of each issue's reason; -1 for another outcome. */
  readonly declined: readonly number[];
  /** The other outcomes, in order. */
  readonly others: readonly SentOutcome[];
}

export type SentRendering =
  | { readonly subject: string | undefined; readonly text: string; readonly html: string | null }
  | { readonly error: WireError };

/** A message from the process that runs the triggers. */
export type EvaluatorReport =
  /** The enabled triggers, in the order of their file. */
  | { readonly type: 'loaded'; readonly triggers: readonly NamedTrigger[] }
  | { readonly type: 'mistakes'; readonly message: string; readonly mistakes: readonly string[] }
  /** Its event loop goes on. Sent once a second. */
  | { readonly type: 'alive' }
  | { readonly type: 'ask'; readonly id: number; readonly question: Question }
  /** One by one, of the next issue. */
  | { readonly type: 'outcome'; readonly outcome: SentOutcome }
  | { readonly type: 'evaluated'; readonly outcomes: SentOutcomes; readonly late: boolean }
  | { readonly type: 'rendered'; readonly renderings: readonly SentRendering[] }
  /** A promise was rejected that nobody awaits. It goes on. */
  | { readonly type: 'rejection'; readonly error: WireError }
  /** An error was thrown where nobody can catch it, in a timer for example. It ends now. */
  | { readonly type: 'exception'; readonly error: WireError };

export const isEvaluatorCommand = messageGuard<EvaluatorCommand>([
  'load',
  'page',
  'evaluate',
  'render',
  'answer',
  'no-answer',
  'close',
]);
export const isEvaluatorReport = messageGuard<EvaluatorReport>([
  'loaded',
  'mistakes',
  'alive',
  'ask',
  'outcome',
  'evaluated',
  'rendered',
  'rejection',
  'exception',
]);
