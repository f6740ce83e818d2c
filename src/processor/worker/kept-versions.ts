import type { RowUpdates } from '../../db/row-updates.ts';
import type { VersionsReading } from '../protocol.ts';

/**
 * Knows whether Postgres keeps old versions of rows, because a transaction could still read them: a `pg_dump`, for
 * example. Each upsert looks at all versions of its row, so each batch is slower than the one before it.
 */
export interface KeptVersions {
  areKept(): boolean;
  /** Reads the statistics, at most every five seconds. */
  look(): Promise<void>;
}

const INTERVAL_MILLISECONDS = 5_000;
/** With fewer updates between two readings, old versions don't become many. */
const LEAST_UPDATES = 100;
/**
 * If old versions are removed, there is room for a new one in the same page. Measured with 1 to 20,000 issues: 94 to 100 %
 * of the updates are HOT then, and 34 to 84 % if a snapshot is held (bench/results.md).
 */
const LEAST_HOT_SHARE = 0.88;

/**
 * @param known the last reading of another worker; null for the first workers
 * @param ask reads the statistics
 * @param onReading called with each new reading
 */
export function watchVersions(
  known: VersionsReading | null,
  ask: () => Promise<RowUpdates>,
  onReading: (reading: VersionsReading) => void,
  now: () => number = Date.now,
): KeptVersions {
  let last = known;
  return {
    areKept: () => last?.areKept ?? false,
    async look() {
      const at = now();
      if (last !== null && Math.abs(at - last.at) < INTERVAL_MILLISECONDS) return;
      const updates = await ask();
      last = { at, updates, areKept: last !== null && keeps(last.updates, updates) };
      onReading(last);
    },
  };
}

function keeps(before: RowUpdates, after: RowUpdates): boolean {
  const all = after.all - before.all;
  return all >= LEAST_UPDATES && (after.hot - before.hot) / all < LEAST_HOT_SHARE;
}
