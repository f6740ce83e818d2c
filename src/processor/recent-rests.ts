/** How long a worker was to rest after each of the last rounds, in milliseconds. */
export interface RecentRests {
  all(): readonly number[];
  /** 0 if one of the rounds was quick. One slow round alone says nothing: it may have waited for a lock or the disk. */
  shortest(): number;
  add(milliseconds: number): void;
}

const ROUNDS = 4;

/** @param known those that another worker found; none for the first workers */
export function createRecentRests(known: readonly number[] = []): RecentRests {
  let rests = [...Array.from({ length: ROUNDS }, () => 0), ...known].slice(-ROUNDS);
  return {
    all: () => rests,
    shortest: () => Math.min(...rests),
    add(milliseconds) {
      rests = [...rests.slice(1), milliseconds];
    },
  };
}
