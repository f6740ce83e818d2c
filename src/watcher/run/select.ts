import type { Changed } from '../../db/issues.ts';
import type { FinishedRun } from '../../db/runs.ts';

/** Selects the issues that a run evaluates, by the last finished run. */
export function selectChanged(last: FinishedRun | null): Changed {
  if (last === null) return { since: 'ever' };
  return { since: last.restored ? 'restore' : 'snapshot', snapshot: last.snapshot };
}
