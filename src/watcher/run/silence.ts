import type { Db } from '../../db/pool.ts';
import type { StoredSilence } from '../../db/silences.ts';
import { settleSilences, unsettledSilences } from '../../db/silences.ts';
import { covers, holdsAt, longest } from '../../domain/silence.ts';
import type { Notify } from '../evaluator/evaluate.ts';

/** The silences that a run knows, by our own key of the issue. */
export interface RunSilences {
  readonly holding: ReadonlyMap<string, readonly StoredSilence[]>;
  /** Those that this run settles, because they are over. It removes an issue once all triggers have evaluated it. */
  readonly over: Map<string, readonly StoredSilence[]>;
}

/** A decision to notify that a silence covers. */
export interface Dropped {
  readonly notify: Notify;
  /** If several silences cover it: the longest. */
  readonly silence: StoredSilence;
}

/**
 * Settles the silences that are over at the run's time, and reads those that hold. If the run is rolled back, they are
 * unsettled again, and the next run finds them.
 */
export async function settleAndRead(db: Db, ranAt: Date): Promise<RunSilences> {
  const silences = await unsettledSilences(db);
  const holding = silences.filter((silence) => holdsAt(silence, ranAt, silence.users));
  const over = silences.filter((silence) => !holding.includes(silence));
  await settleSilences(
    db,
    over.map(({ id }) => id),
    ranAt,
  );
  return { holding: byIssue(holding), over: byIssue(over) };
}

function byIssue(silences: readonly StoredSilence[]): Map<string, StoredSilence[]> {
  return Map.groupBy(silences, ({ issueId }) => issueId);
}

/** Separates a trigger's decisions that a silence covers. One that names no recipient has nothing to drop. */
export function separateSilenced(
  { holding }: RunSilences,
  trigger: string,
  decisions: readonly Notify[],
): { readonly heard: readonly Notify[]; readonly dropped: readonly Dropped[] } {
  const heard: Notify[] = [];
  const dropped: Dropped[] = [];
  for (const notify of decisions) {
    const all = holding.get(notify.issue.id) ?? [];
    const silence = longest(all.filter((one) => covers(one, trigger)));
    if (silence === undefined || notify.recipients.length === 0) heard.push(notify);
    else dropped.push({ notify, silence });
  }
  return { heard, dropped };
}

/** The number of alerts that are not sent. */
export function alertsIn(dropped: readonly Dropped[]): number {
  return dropped.reduce((sum, { notify }) => sum + notify.recipients.length, 0);
}
