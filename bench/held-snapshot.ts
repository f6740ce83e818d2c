import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { queueDepth } from '../src/queue/depth.ts';
import type { Counters } from './drain.ts';
import { growth, stop } from './drain.ts';
import { events, nextBodies, sendBatch } from './fill.ts';
import { steadily } from './lag.ts';
import { holdSnapshot } from './pool.ts';
import { openMonitor } from './scale/monitor.ts';
import { startBuilt, startStand } from './stand.ts';

const HELP = `npm run bench held-snapshot -- [options]

Sends events of a few issues at a steady rate to a processor. First nobody else uses the database. Then a transaction
holds a snapshot, as a pg_dump does. Shows what Postgres needs for a message in each interval.

  --issues N     issues (50)
  --rate N       messages a second (200)
  --free N       seconds without a snapshot held (60)
  --held N       seconds with a snapshot held (900)
  --every N      seconds of an interval (60)
  --messages N   messages after which a worker is replaced (200, the default of the processor)`;

interface Options {
  readonly rate: number;
  readonly every: number;
  readonly issues: number;
}

/** Measures how a held snapshot slows a running processor down. */
export async function benchHeldSnapshot(parameters: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      issues: { type: 'string', default: '50' },
      rate: { type: 'string', default: '200' },
      free: { type: 'string', default: '60' },
      held: { type: 'string', default: '900' },
      every: { type: 'string', default: '60' },
      messages: { type: 'string', default: '200' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const options = { rate: Number(values.rate), every: Number(values.every), issues: Number(values.issues) };
  const stand = await startStand(console.log);
  try {
    const place = await stand.place('held_snapshot');
    const monitor = await openMonitor(place.databaseUrl);
    const processor = startBuilt(['processor'], {
      ...place.env,
      PROCESSOR_WORKER_MESSAGE_COUNT: values.messages,
    });
    const source = events({ issues: options.issues, count: Number.MAX_SAFE_INTEGER, seed: 11 });
    // They are made when they are sent, because all of them don't fit into memory.
    const send = () => sendBatch(stand.client, place.queueUrl, nextBodies(source));
    const counters = async () => {
      const { waiting } = await queueDepth(stand.client, place.queueUrl);
      return { ...(await monitor.counters()), waiting };
    };
    try {
      console.log('without a snapshot held');
      await intervals(counters, send, Number(values.free), options);
      console.log('with a snapshot held');
      const holder = await holdSnapshot(place.databaseUrl);
      await intervals(counters, send, Number(values.held), options).finally(() => holder.end());
    } finally {
      await stop([processor]);
      await monitor.close();
    }
  } finally {
    await stand.close();
  }
}

/** Sends for some seconds, and prints a line after each interval. */
async function intervals(
  counters: () => Promise<Counters>,
  send: () => Promise<void>,
  seconds: number,
  { rate, every }: Options,
): Promise<void> {
  for (let done = 0; done < seconds; done += every) {
    const before = await counters();
    const begun = performance.now();
    await steadily(rate, every, send);
    const rest = begun + every * 1_000 - performance.now();
    if (rest > 0) await pause(rest);
    const took = (performance.now() - begun) / 1_000;
    const after = await counters();
    const { postgresMs = 0, wal = 0, waiting: more = 0 } = growth(before, after);
    const stored = rate * every - more;
    console.log(
      `  ${String(done + every).padStart(5)} s: ${(postgresMs / stored).toFixed(2)} ms of Postgres's CPU a message, ${Math.round(wal / stored)} bytes of WAL, ` +
        `${Math.round(stored / took)} messages/s stored, ${after.waiting} waiting`,
    );
  }
}
