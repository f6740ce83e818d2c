import { randomBytes } from 'node:crypto';
import { pick, seededRandom, zipf } from '../../dev/browser-errors/random.ts';
import { storeEvents } from '../../src/db/events.ts';
import type { ErrorEvent } from '../../src/domain/event.ts';
import type { Counters } from '../drain.ts';
import { growth } from '../drain.ts';
import { benchPool } from '../pool.ts';
import { groupIds } from '../stored.ts';
import { ZIPF_EXPONENT } from './expected.ts';
import type { Monitor, Waits } from './monitor.ts';

/** A full round of a worker. */
const BATCH = 80;
const CONNECTIONS = 2;
const USERS = 1_000_000;
const HOUR = 3_600_000;
const RELEASES = ['20250120093000', '20250121093000', '20250122093000', '20250123093000'] as const;
const BROWSERS = ['Firefox 144.0', 'Firefox 145.0', 'Firefox 146.0a1'] as const;
const SYSTEMS = ['Windows 10', 'Windows 11', 'Mac OS X 15.6', 'Ubuntu 24.04'] as const;

export interface Stored {
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly postgresMs: number;
  readonly wal: number;
  readonly waits: Waits;
  readonly counters: Counters;
}

/** Makes events of the hour that ends at a time. They need no text, because their issues are known. */
export function eventSource(issues: number): (count: number, until: Date) => ErrorEvent[] {
  const random = seededRandom(11);
  const rank = zipf(issues, ZIPF_EXPONENT);
  const { first, step } = groupIds();
  const made = (until: Date): ErrorEvent => ({
    eventId: randomBytes(16).toString('hex'),
    groupId: String(first + step * rank(random)),
    projectId: '7',
    message: '',
    logMessage: '',
    module: '',
    stackFrames: [],
    receivedAt: new Date(until.getTime() - Math.floor(random() * HOUR)),
    user: `id:${Math.floor(random() * USERS)}`,
    tags: {
      release: pick(random, RELEASES),
      environment: 'nightly',
      browser: pick(random, BROWSERS),
      os: pick(random, SYSTEMS),
    },
  });
  return (count, until) => Array.from({ length: count }, () => made(until));
}

/** Stores events by the processor's own function, over two connections as two workers do. The events are made before. */
export async function storeMeasured(
  databaseUrl: string,
  monitor: Monitor,
  events: readonly ErrorEvent[],
): Promise<Stored> {
  const pools = Array.from({ length: CONNECTIONS }, () => benchPool(databaseUrl));
  let next = 0;
  const endWaits = monitor.watchWaits();
  const before = await monitor.counters();
  try {
    const work = pools.map(async (pool) => {
      while (next < events.length) {
        const batch = events.slice(next, next + BATCH);
        next += BATCH;
        await storeEvents(pool, batch);
      }
    });
    await Promise.all(work);
    const counters = growth(before, await monitor.counters());
    const { at = 0, postgresMs = 0, wal = 0 } = counters;
    return {
      events: events.length,
      eventsPerSecond: (events.length / at) * 1_000,
      postgresMs: postgresMs / events.length,
      wal: wal / events.length,
      waits: await endWaits(),
      counters,
    };
  } finally {
    await endWaits().catch(() => undefined);
    await Promise.all(pools.map((pool) => pool.end()));
  }
}
