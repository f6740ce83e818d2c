import { messageOf } from '../../runtime/errors.ts';

/** What one trigger decided in a run. */
export interface TriggerSummary {
  readonly trigger: string;
  /** Issues that it notified of. */
  readonly notified: number;
  /** Issues that it declined to notify of. */
  readonly declined: number;
  /** Its most frequent reasons to decline, the most frequent first, three at most. */
  readonly reasons: readonly Reason[];
  /** Its distinct errors. */
  readonly errors: readonly DistinctError[];
}

export interface Reason {
  /** As one of the issues has it: numbers in it may differ between issues. Null where the trigger gave no reason. */
  readonly because: string | null;
  readonly issues: number;
}

export interface DistinctError {
  /** As the first issue met it. */
  readonly error: Error;
  /** Our own id of that issue. */
  readonly issueId: string;
  /** How many issues met it. */
  readonly issues: number;
}

/** Counts one trigger's decisions of a run by reason. Bounded, whatever the trigger says. */
export interface SummaryCounter {
  notified(issues: number): void;
  declined(because: string | undefined): void;
  failed(issueId: string, error: Error): void;
  summary(): TriggerSummary;
}

const SHOWN_REASONS = 3;
/** Distinct reasons, and distinct errors, that are counted apart. A trigger whose every reason differs has no frequent one. */
const MOST_DISTINCT = 1_000;

export function createSummaryCounter(trigger: string): SummaryCounter {
  const reasons = createTally<string | null>();
  const errors = createTally<{ error: Error; issueId: string }>();
  let notified = 0;
  let declined = 0;
  return {
    notified(issues) {
      notified += issues;
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

/** Counts texts, those that differ in their numbers alone as one. */
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
