import type { Db } from '../../db/pool.ts';
import type { Progress } from '../../db/progress.ts';
import type { OpenRun } from '../../db/runs.ts';
import type { StoredSilence } from '../../db/silences.ts';
import { openSilences, settleSilences } from '../../db/silences.ts';
import { covers, holdsAt, longest } from '../../domain/silence.ts';
import type { Notify } from '../evaluator/evaluate.ts';

/** The silences that a run knows. */
export interface RunSilences {
  /** By our own key of the issue. */
  readonly holding: ReadonlyMap<string, readonly StoredSilence[]>;
  readonly over: readonly StoredSilence[];
}

/** A decision to notify that a silence covers. */
export interface Dropped {
  readonly notify: Notify;
  /** If several silences cover it: the longest. */
  readonly silence: StoredSilence;
}

/**
 * Settles the silences that are over at the run's time, and reads those that hold. It also reads those that an earlier
 * run has settled without all of these triggers. If the run is rolled back, they are unsettled again, and the next run
 * finds them.
 */
export async function settleAndRead(
  db: Db,
  run: OpenRun,
  progress: readonly Progress[],
): Promise<RunSilences> {
  const silences = await openSilences(db, earliestRun(progress));
  const holding = silences.filter((silence) => holdsAt(silence, run.ranAt, silence.users));
  const over = silences.filter((silence) => !holding.includes(silence));
  const unsettled = over.filter(({ settledBy }) => settledBy === null);
  await settleSilences(
    db,
    unsettled.map(({ id }) => id),
    run,
  );
  return { holding: Map.groupBy(holding, ({ issueId }) => issueId), over };
}

/** Of the triggers' last runs; null if all triggers are new to the database. */
export function earliestRun(progress: readonly Progress[]): string | null {
  const ids = progress.flatMap(({ last }) => (last === null ? [] : [BigInt(last.runId)]));
  const [first, ...others] = ids;
  if (first === undefined) return null;
  return String(others.reduce((least, id) => (id < least ? id : least), first));
}

/**
 * The issues that a trigger evaluates again because a silence is over that covered it, by our own key. A trigger that
 * is new to the database has nothing to evaluate again.
 */
export function issuesToReevaluate(over: readonly StoredSilence[], { trigger, last }: Progress): Set<string> {
  if (last === null) return new Set();
  const isDue = ({ settledBy }: StoredSilence) =>
    settledBy === null || BigInt(settledBy) > BigInt(last.runId);
  return new Set(
    over.filter((silence) => covers(silence, trigger) && isDue(silence)).map(({ issueId }) => issueId),
  );
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
