import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { GetQueueAttributesCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { growth, stop } from './drain.ts';
import { events } from './fill.ts';
import type { Monitor } from './scale/monitor.ts';
import { openMonitor } from './scale/monitor.ts';
import type { Place, Stand } from './stand.ts';
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

const BATCH = 10;

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
    const send = sender(stand, place, options);
    try {
      console.log('without a snapshot held');
      await intervals(stand, place, monitor, send, Number(values.free), options);
      console.log('with a snapshot held');
      const holder = new pg.Client({ connectionString: place.databaseUrl });
      await holder.connect();
      await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM issues');
      await intervals(stand, place, monitor, send, Number(values.held), options).finally(() => holder.end());
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
  stand: Stand,
  place: Place,
  monitor: Monitor,
  send: () => Promise<void>,
  seconds: number,
  { rate, every }: Options,
): Promise<void> {
  for (let done = 0; done < seconds; done += every) {
    const before = { ...(await monitor.counters()), waiting: await waiting(stand, place) };
    const begun = performance.now();
    for (let sent = 0; sent < rate * every; sent += BATCH) {
      const early = begun + (sent / rate) * 1_000 - performance.now();
      if (early > 0) await pause(early);
      await send();
    }
    const rest = begun + every * 1_000 - performance.now();
    if (rest > 0) await pause(rest);
    const took = (performance.now() - begun) / 1_000;
    const after = { ...(await monitor.counters()), waiting: await waiting(stand, place) };
    const { postgresMs = 0, wal = 0, waiting: more = 0 } = growth(before, after);
    const stored = rate * every - more;
    console.log(
      `  ${String(done + every).padStart(5)} s: ${(postgresMs / stored).toFixed(2)} ms of Postgres's CPU a message, ${Math.round(wal / stored)} bytes of WAL, ` +
        `${Math.round(stored / took)} messages/s stored, ${after.waiting} waiting`,
    );
  }
}

/** Sends ten messages. They are made when they are sent, because all of them don't fit into memory. */
function sender({ client }: Stand, { queueUrl: QueueUrl }: Place, { issues }: Options): () => Promise<void> {
  const source = events({ issues, count: Number.MAX_SAFE_INTEGER, seed: 11 });
  return async () => {
    const Entries = Array.from({ length: BATCH }, (_, index) => {
      const { value } = source.next();
      return { Id: String(index), MessageBody: value?.body };
    });
    await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  };
}

async function waiting({ client }: Stand, { queueUrl: QueueUrl }: Place): Promise<number> {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
  );
  return Number(Attributes.ApproximateNumberOfMessages);
}
