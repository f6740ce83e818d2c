import { plural } from '../../domain/text.ts';
import type { Logger } from '../../runtime/logger.ts';

const INTERVAL_MILLISECONDS = 1_000;

/** Logs the number of stored events: at once while there are few, and as a sum once a second while there are many. */
export interface Tally {
  add(events: number, lagMilliseconds: number): void;
  /** Logs the sum so far. */
  flush(): void;
}

export function createTally(logger: Logger): Tally {
  let events = 0;
  let lag = 0;
  let timer: NodeJS.Timeout | undefined;

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (events === 0) return;
    logger.info(`stored ${plural(events, 'event')}`, { events, lag_ms: Math.round(lag) });
    events = 0;
    lag = 0;
  };

  return {
    flush,
    add(more, lagMilliseconds) {
      events += more;
      lag = Math.max(lag, lagMilliseconds);
      if (timer !== undefined) return;
      flush();
      timer = setTimeout(flush, INTERVAL_MILLISECONDS);
    },
  };
}
