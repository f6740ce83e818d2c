import type { StoredSilence } from '../../db/silences.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Notify } from '../evaluator/evaluate.ts';

/** The decisions of one trigger in a run. */
export interface TriggerSummary {
  readonly trigger: string;
  /** Number of issues that the trigger notified about. */
  readonly notified: number;
  /** Number of alerts that were dropped because of a silence. */
  readonly silenced: number;
  /** The silences that dropped them, ten at most. */
  readonly silences: readonly StoredSilence[];
  /** Number of issues that the trigger declined to notify about. */
  readonly declined: number;
  /** The trigger's reasons to decline, the most frequent first, three at most. */
  readonly reasons: readonly Reason[];
  /** The trigger's distinct errors. */
  readonly errors: readonly DistinctError[];
}

export interface Reason {
  /** The text of one of the issues; numbers in it may differ between issues. Null if the trigger gave no reason. */
  readonly because: string | null;
  /** Number of issues with this reason. */
  readonly issues: number;
}

export interface DistinctError {
  /** The error of the first issue. */
  readonly error: Error;
  /** Our own id of that issue. */
  readonly issueId: string;
  /** Number of issues with this error. */
  readonly issues: number;
}

/**
 * Counts one trigger's decisions of a run by reason. The memory for reasons is limited, whatever the trigger returns.
 */
export interface SummaryCounter {
  notified(issues: number): void;
  silenced(notify: Notify, silence: StoredSilence): void;
  declined(because: string | undefined): void;
  failed(issueId: string, error: Error): void;
  summary(): TriggerSummary;
}

const SHOWN_REASONS = 3;
const SHOWN_SILENCES = 10;
/**
 * Distinct reasons, and distinct errors, that are counted. If every reason differs, none is frequent, and none is
 * missed.
 */
const MOST_DISTINCT = 1_000;

export function createSummaryCounter(trigger: string): SummaryCounter {
  const reasons = createTally<string | null>();
  const errors = createTally<{ error: Error; issueId: string }>();
  const silences = new Map<string, StoredSilence>();
  let notified = 0;
  let silenced = 0;
  let declined = 0;
  return {
    notified(issues) {
      notified += issues;
    },
    silenced({ recipients }, silence) {
      silenced += recipients.length;
      if (silences.size < SHOWN_SILENCES) silences.set(silence.id, silence);
    },
    declined(because) {
      declined += 1;
      reasons.add(because ?? '', because ?? null);
    },
    failed(issueId, error) {
      errors.add(messageOf(error), { error, issueId });
    },
    summary: () => ({
      trigger,
      notified,
      silenced,
      silences: [...silences.values()],
      declined,
      reasons: reasons
        .mostFrequent(SHOWN_REASONS)
        .map(({ first, count }) => ({ because: first, issues: count })),
      errors: errors.mostFrequent(MOST_DISTINCT).map(({ first, count }) => ({ ...first, issues: count })),
    }),
  };
}

interface Counted<T> {
  readonly first: T;
  count: number;
}

/** Counts texts. Texts that differ only in their numbers are counted as one. */
function createTally<T>() {
  const counts = new Map<string, Counted<T>>();
  return {
    add(text: string, value: T): void {
      const key = text.replace(/\d[\d.,]*/g, '#');
      const known = counts.get(key);
      if (known !== undefined) known.count += 1;
      else if (counts.size < MOST_DISTINCT) counts.set(key, { first: value, count: 1 });
    },
    mostFrequent(limit: number): Counted<T>[] {
      return [...counts.values()].sort((one, other) => other.count - one.count).slice(0, limit);
    },
  };
}
