import { availableParallelism } from 'node:os';
import type { Drain } from '../drain.ts';
import { drain, growth } from '../drain.ts';
import { fill } from '../fill.ts';
import type { Stand } from '../stand.ts';
import { startBuilt } from '../stand.ts';
import { upsertRate } from '../upsert.ts';
import type { Waits } from './monitor.ts';
import { openMonitor, shownWaits } from './monitor.ts';
import { sizesTable } from './sizes.ts';
import { grouped, table } from './table.ts';

export interface ProcessorsOptions {
  /** Numbers of processors to measure. */
  readonly processors: readonly number[];
  /** Messages in each drain. */
  readonly count: number;
  readonly issues: number;
  /** Messages after which a worker is replaced. */
  readonly messageCount: number;
  readonly say: (line: string) => void;
}

interface Measured {
  readonly processors: number;
  readonly drain: Drain;
  readonly waits: Waits;
}

const PAGE_BYTES = 8_192;

/** Drains the same queue with more and more processors, each a command with one worker, as one container has it. */
export async function measureProcessors(stand: Stand, options: ProcessorsOptions): Promise<string> {
  const measured: Measured[] = [];
  for (const processors of options.processors) {
    const one = await drainWith(stand, processors, options);
    options.say(
      `${processors} processors: ${grouped(one.drain.messagesPerSecond)} messages/s; ${shownWaits(one.waits)}`,
    );
    measured.push(one);
  }
  const upserts = await measureUpserts(stand, options);
  return [drainsTable(measured), upsertsTable(upserts), computed(measured, upserts)].join('\n\n');
}

async function drainWith(stand: Stand, processors: number, options: ProcessorsOptions): Promise<Measured> {
  const { count, issues, messageCount, say } = options;
  const name = `processors_${processors}`;
  const { queueUrl, env, databaseUrl } = await stand.place(name);
  say(`filling the queue with ${grouped(count)} messages`);
  await fill(stand.client, queueUrl, { count, issues, seed: processors });
  const monitor = await openMonitor(databaseUrl);
  const endWaits = monitor.watchWaits();
  const variables = {
    ...env,
    PROCESSOR_PROCESS_COUNT: '1',
    PROCESSOR_WORKER_MESSAGE_COUNT: String(messageCount),
  };
  try {
    const drained = await drain({
      name,
      client: stand.client,
      queueUrl,
      count,
      start: () => Array.from({ length: processors }, () => startBuilt(['processor'], variables)),
      others: [stand.queueServerPid],
      counters: monitor.counters,
      ready: async () => (await monitor.connections()) >= processors,
    });
    return { processors, drain: drained, waits: await endWaits() };
  } finally {
    await endWaits().catch(() => undefined);
    await monitor.close();
    await stand.postgres.dropDatabase(name).catch(() => undefined);
  }
}

function drainsTable(measured: readonly Measured[]): string {
  const [first] = measured;
  const cores = availableParallelism();
  const rows = measured.map(({ processors, drain: one, waits }) => {
    const { machineMs = 0, postgresMs = 0, wal = 0 } = one.counters;
    const milliseconds = one.seconds * 1_000;
    return [
      processors,
      grouped(one.messagesPerSecond),
      (one.messagesPerSecond / (first?.drain.messagesPerSecond ?? Number.NaN)).toFixed(2),
      one.cpuMillisecondsPerMessage.toFixed(3),
      (postgresMs / one.messages).toFixed(3),
      one.othersMillisecondsPerMessage.toFixed(3),
      (machineMs / milliseconds).toFixed(2),
      ((one.othersMillisecondsPerMessage * one.messages) / milliseconds).toFixed(2),
      (postgresMs / milliseconds).toFixed(2),
      grouped(wal / one.messages),
      shownWaits(waits),
    ];
  });
  const head = [
    'processors',
    'messages/s',
    'ratio',
    'processors, ms a message',
    'Postgres, ms a message',
    'queue, ms a message',
    `cores busy of ${cores}`,
    'of them the queue',
    'of them Postgres',
    'WAL, bytes a message',
    'Postgres waits for',
  ];
  return `Measured: processors, Postgres and the queue share ${cores} cores\n\n${table(head, rows)}`;
}

interface Upserts {
  readonly clients: number;
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly waits: Waits;
}

/** The processors' statement without processors and without a queue: whether connections hinder one another. */
async function measureUpserts(
  stand: Stand,
  { processors, say }: ProcessorsOptions,
): Promise<readonly Upserts[]> {
  const measured: Upserts[] = [];
  for (const clients of processors) {
    const name = `upserts_${clients}`;
    const place = await stand.place(name);
    const monitor = await openMonitor(place.databaseUrl);
    try {
      let found: Omit<Upserts, 'clients' | 'eventsPerSecond'> | undefined;
      const eventsPerSecond = await upsertRate(stand, clients, {
        place,
        around: async (pgbench) => {
          const endWaits = monitor.watchWaits();
          const before = await monitor.counters();
          const ran = await pgbench();
          const counters = growth(before, await monitor.counters());
          found = { counters, seconds: (counters.at ?? 0) / 1_000, waits: await endWaits() };
          return ran;
        },
      });
      if (found === undefined) throw new Error('pgbench was not measured');
      measured.push({ clients, eventsPerSecond, ...found });
      say(
        `${clients} connections of pgbench: ${grouped(eventsPerSecond)} events/s; ${shownWaits(found.waits)}`,
      );
    } finally {
      await monitor.close();
      await stand.postgres.dropDatabase(name).catch(() => undefined);
    }
  }
  return measured;
}

function upsertsTable(upserts: readonly Upserts[]): string {
  const [first] = upserts;
  const rows = upserts.map(({ clients, eventsPerSecond, seconds, counters, waits }) => {
    const events = eventsPerSecond * seconds;
    const { postgresMs = 0, wal = 0 } = counters;
    return [
      clients,
      grouped(eventsPerSecond),
      (eventsPerSecond / (first?.eventsPerSecond ?? Number.NaN)).toFixed(2),
      (postgresMs / events).toFixed(3),
      (postgresMs / seconds / 1_000).toFixed(2),
      grouped(wal / events),
      shownWaits(waits),
    ];
  });
  const head = [
    'connections',
    'events/s',
    'ratio',
    'Postgres, ms an event',
    'cores of Postgres',
    'WAL, bytes an event',
    'Postgres waits for',
  ];
  return `Measured: the same statement by pgbench, without processors and a queue\n\n${table(head, rows)}`;
}

/**
 * The last drain has the most processors, so its cost includes their competition. Nearly every statement stores an event
 * of the most frequent issue, so the statements wait for one another. So many connections store only some times as much
 * as one connection does with a core of its own.
 */
function computed(measured: readonly Measured[], upserts: readonly Upserts[]): string {
  const last = measured.at(-1)?.drain;
  const [first] = upserts;
  if (last === undefined || first === undefined) return '';
  const { postgresMs = 0, wal = 0, pages = 0 } = last.counters;
  const best = Math.max(...upserts.map(({ eventsPerSecond }) => eventsPerSecond / first.eventsPerSecond));
  const ofOneCore = (first.eventsPerSecond * first.seconds * 1_000) / (first.counters.postgresMs ?? 0);
  const cost = {
    postgresMs: postgresMs / last.messages,
    diskBytes: (wal + pages * PAGE_BYTES) / last.messages,
    byRows: ofOneCore * best,
  };
  return `Computed, from the last drain: ${sizesTable(cost)}`;
}
