import type { NamedTrigger } from './evaluator.ts';

/** How often a trigger may end its process in one run. The rest of its evaluations then fail at once. */
const MOST_IN_RUN = 3;
/** Runs in a row in which a trigger ended its process, before it is left out. */
const MOST_RUNS = 3;

/** Counts how often each trigger ended the process in which it ran. */
export interface Strikes {
  strike(trigger: NamedTrigger): void;
  /** It did so too often in this run. */
  isExhausted(trigger: NamedTrigger): boolean;
  /** How often it did so in this run. */
  inRun(trigger: NamedTrigger): number;
  isOut(trigger: NamedTrigger): boolean;
  /** @returns the triggers that are left out from now on */
  runEnded(): readonly NamedTrigger[];
}

export function createStrikes(triggers: readonly NamedTrigger[]): Strikes {
  const inRun = new Map<string, number>();
  const runs = new Map<string, number>();
  const out = new Set<string>();
  return {
    strike({ name }) {
      inRun.set(name, (inRun.get(name) ?? 0) + 1);
    },
    isExhausted: ({ name }) => (inRun.get(name) ?? 0) >= MOST_IN_RUN,
    inRun: ({ name }) => inRun.get(name) ?? 0,
    isOut: ({ name }) => out.has(name),
    runEnded() {
      for (const { name } of triggers) runs.set(name, inRun.has(name) ? (runs.get(name) ?? 0) + 1 : 0);
      inRun.clear();
      const now = triggers.filter(({ name }) => !out.has(name) && (runs.get(name) ?? 0) >= MOST_RUNS);
      for (const { name } of now) out.add(name);
      return now;
    },
  };
}
