import type { Logger } from '../../runtime/logger.ts';
import { createRecentRests } from '../recent-rests.ts';

/** Knows how long workers rest because storing is slow. If they rest for long, it says so once a minute. */
export interface SlowStore {
  /** Called when a worker has stored a batch. @param restMilliseconds how long it rests if the last batches were like it */
  batch(restMilliseconds: number): void;
  /** Of the last batches of all workers, in milliseconds. A new worker begins with them. */
  rests(): readonly number[];
}

const INTERVAL_MILLISECONDS = 60_000;
/** A shorter rest is not worth a warning: nobody notices it, and it may be over at once. */
const LONG_REST_MILLISECONDS = 1_000;

export function watchStore(logger: Pick<Logger, 'warning'>, now = () => performance.now()): SlowStore {
  const recent = createRecentRests();
  let warnedAt = Number.NEGATIVE_INFINITY;
  return {
    rests: recent.all,
    batch(restMilliseconds) {
      recent.add(restMilliseconds);
      const rest = recent.shortest();
      if (rest < LONG_REST_MILLISECONDS || now() - warnedAt < INTERVAL_MILLISECONDS) return;
      warnedAt = now();
      logger.warning(
        'storing is slow, so workers rest between batches and store larger ones; a transaction that has been open for long, such as a pg_dump, makes it slow',
        { rest_ms: Math.round(rest) },
      );
    },
  };
}
