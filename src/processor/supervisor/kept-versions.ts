import type { Logger } from '../../runtime/logger.ts';
import type { VersionsReading } from '../protocol.ts';

/** Knows the last reading of all workers. If old versions of rows are kept for long, it says so once a minute. */
export interface VersionsReadings {
  /** Called when a worker has read the statistics. */
  add(reading: VersionsReading): void;
  /** A new worker begins with it. Null before the first one. */
  last(): VersionsReading | null;
}

/** A long run of the watcher holds a snapshot, too. Nobody needs to know of it. */
const MINUTE_MILLISECONDS = 60_000;

/** @param restMilliseconds how long workers rest between batches meanwhile; 0 if they don't */
export function collectVersionsReadings(
  logger: Pick<Logger, 'warning'>,
  restMilliseconds: number,
): VersionsReadings {
  let last: VersionsReading | null = null;
  // Of the first reading in a row with kept versions, or of the last warning.
  let since: number | null = null;
  return {
    last: () => last,
    add(reading) {
      const isNext = last !== null && reading.at - last.at < MINUTE_MILLISECONDS;
      last = reading;
      if (!reading.areKept) since = null;
      else since = isNext ? (since ?? reading.at) : reading.at;
      if (since === null || reading.at - since < MINUTE_MILLISECONDS) return;
      since = reading.at;
      logger.warning(
        `Postgres keeps old versions of rows for a transaction that has been open for long, such as a pg_dump; ${
          restMilliseconds > 0
            ? 'workers rest between batches and store larger ones'
            : 'storing becomes slower'
        }`,
        { rest_ms: restMilliseconds },
      );
    },
  };
}
