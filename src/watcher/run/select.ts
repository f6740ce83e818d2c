import type { Changed } from '../../db/issues.ts';
import type { FinishedRun } from '../../db/runs.ts';

/** Which issues a run judges, given the last run that finished. */
export function selectChanged(last: FinishedRun | null): Changed {
  if (last === null) return { since: 'ever' };
  return { since: last.restored ? 'restore' : 'snapshot', snapshot: last.snapshot };
}
