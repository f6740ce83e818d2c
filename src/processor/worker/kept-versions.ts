import type { RowUpdates } from '../../db/row-updates.ts';
import type { VersionsReading } from '../protocol.ts';

/**
 * Knows whether Postgres keeps old versions of rows, because a transaction could still read them: a `pg_dump`, for
 * example. Each upsert looks at all versions of its row, so each batch is slower than the one before it.
 */
export interface KeptVersions {
  areKept(): boolean;
  /** Reads the statistics, at most every five seconds. If that fails, no versions count as kept. */
  look(): Promise<void>;
}

const INTERVAL_MILLISECONDS = 5_000;
/** Fewer updates decide nothing. While workers rest, there are fewer. */
const LEAST_UPDATES = 100;
/** A reading from before a quiet time decides nothing. */
const LONGEST_VALID_MILLISECONDS = 60_000;
/**
 * If old versions are removed, there is room for a new one in the same page. Measured with 1 to 20,000 issues: 94 to 100 %
 * of the updates are HOT then, and 34 to 84 % if a snapshot is held (bench/results.md).
 */
const LEAST_HOT_SHARE = 0.88;

/**
 * @param known the last reading of another worker; null for the first workers
 * @param ask reads the statistics
 * @param events `read` is called with each new reading, `failed` if the statistics could not be read
 */
export function watchVersions(
  known: VersionsReading | null,
  ask: () => Promise<RowUpdates>,
  events: { read(reading: VersionsReading): void; failed(error: unknown): void },
  now: () => number = Date.now,
): KeptVersions {
  let last = known;
  let lookedAt = known?.at ?? Number.NEGATIVE_INFINITY;
  const isValid = (at: number) => last !== null && Math.abs(at - last.at) < LONGEST_VALID_MILLISECONDS;
  return {
    areKept: () => last?.areKept === true && isValid(now()),
    async look() {
      const at = now();
      if (Math.abs(at - lookedAt) < INTERVAL_MILLISECONDS) return;
      lookedAt = at;
      try {
        const updates = await ask();
        const areKept = last !== null && isValid(at) ? keeps(last.updates, updates) : false;
        if (areKept === null) return;
        last = { at, updates, areKept };
        events.read(last);
      } catch (error) {
        last = null;
        events.failed(error);
      }
    },
  };
}

/** @returns null if there were too few updates in between */
function keeps(before: RowUpdates, after: RowUpdates): boolean | null {
  const all = after.all - before.all;
  // The statistics were reset.
  if (all < 0) return false;
  if (all < LEAST_UPDATES) return null;
  return (after.hot - before.hot) / all < LEAST_HOT_SHARE;
}
