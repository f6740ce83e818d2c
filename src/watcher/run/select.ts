import type { Changed } from '../../db/issues.ts';
import type { Progress } from '../../db/progress.ts';

/** Triggers that evaluate the same issues. */
export interface Group<T> {
  readonly changed: Changed;
  readonly triggers: readonly T[];
}

/**
 * Groups triggers by their last run: those that ran together evaluate the same issues.
 * @param newSince a trigger that is new to the database starts with the issues that were last seen since then
 */
export function groupByProgress<T extends { readonly progress: Progress }>(
  triggers: readonly T[],
  newSince: Date,
): Group<T>[] {
  const groups = Map.groupBy(triggers, ({ progress }) => progress.last?.runId);
  return [...groups.values()].flatMap((together) => {
    const [first] = together;
    return first === undefined ? [] : [{ changed: changedFor(first.progress, newSince), triggers: together }];
  });
}

function changedFor({ last }: Progress, newSince: Date): Changed {
  if (last === null) return { since: 'time', time: newSince };
  return { since: last.restored ? 'restore' : 'snapshot', snapshot: last.snapshot };
}
