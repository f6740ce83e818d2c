import type { AlertView } from '../../domain/alert.ts';
import type { Issue } from '../../domain/issue.ts';
import type { Recipient } from '../../domain/trigger.ts';
import type { Answers } from './answers.ts';
import type { Evaluations } from './evaluate.ts';
import type { RankingCache } from './trigger-context.ts';

/** An enabled trigger, as everything outside of its code sees it. */
export interface NamedTrigger {
  readonly name: string;
  readonly emails: readonly string[];
}

/** A page of issues that triggers evaluate. */
export interface EvaluatedPage {
  readonly issues: readonly Issue[];
  /** Time of the run. */
  readonly now: Date;
  /** Answers the questions of triggers. */
  readonly answers: Answers;
  /** Those of the run so far. */
  readonly rankings: RankingCache;
}

/** Evaluates the issues of one page, one trigger after the other. */
export interface OpenPage {
  /**
   * @param milliseconds how long the trigger may take over the page
   * @throws once the signal fires
   */
  evaluate(
    trigger: NamedTrigger,
    recipients: readonly Recipient[],
    milliseconds: number,
    signal: AbortSignal,
  ): Promise<Evaluations>;
  /** Called when the page is evaluated. */
  close(): void;
}

/** An alert's texts by the code of its trigger. `subject`: undefined if the trigger has no subject of its own. */
export type Rendering =
  | { readonly subject: string | undefined; readonly text: string; readonly html: string | null }
  | { readonly error: Error };

/** Runs the code of triggers: their `evaluate`, `subject` and templates. */
export interface Evaluator {
  /** The enabled triggers, in the order of their file, without those that are left out. */
  readonly triggers: readonly NamedTrigger[];
  /** Triggers that ended their process in three runs in a row. They are left out until the next start. */
  readonly leftOut: readonly NamedTrigger[];
  openPage(page: EvaluatedPage): OpenPage;
  /** In the order of the alerts. @throws once the signal fires */
  render(
    trigger: NamedTrigger,
    alerts: readonly AlertView[],
    signal: AbortSignal,
  ): Promise<readonly Rendering[]>;
  /** Called when a run ends, whether it succeeds or not. */
  runEnded(): void;
}
