import { fileURLToPath } from 'node:url';
import { query } from '../../dev/postgres/server.ts';
import { startSes } from '../../dev/services.ts';
import { lagAt } from '../lag.ts';
import type { Place, Stand } from '../stand.ts';
import { watchOnce } from '../watcher.ts';
import type { Filler } from './day-data.ts';
import { createFiller } from './day-data.ts';
import type { Stored } from './day-events.ts';
import { eventSource, storeMeasured } from './day-events.ts';
import type { Pruned } from './day-prune.ts';
import { pruneMeasured, RETENTION_DAYS, vacuumMeasured } from './day-prune.ts';
import type { Day, TableSize } from './day-report.ts';
import { dayReport } from './day-report.ts';
import { expectedRows, shares } from './expected.ts';
import type { Monitor } from './monitor.ts';
import { openMonitor } from './monitor.ts';
import { grouped } from './table.ts';

export interface DayOptions {
  readonly issues: number;
  readonly eventsPerSecond: number;
  readonly hours: number;
  readonly keptDays: number;
  readonly sample: number;
  readonly pruneHours: number;
  readonly json: boolean;
  readonly say: (line: string) => void;
}

const HOUR = 3_600_000;
const DAY_HOURS = 24;
/** As many as the longest window of the recommended triggers. */
const BUCKET_DAYS = 7;
const HOURS_KEPT_DAYS = 8;
const RUN_SECONDS = 300;
const RECOMMENDED = fileURLToPath(new URL('../../docs/examples/recommended.ts', import.meta.url));

/** The servers and the numbers of the day. */
interface Scene {
  readonly stand: Stand;
  readonly options: DayOptions;
  readonly place: Place;
  readonly monitor: Monitor;
  readonly filler: Filler;
  readonly events: ReturnType<typeof eventSource>;
  /** Of all issues. */
  readonly eventsPerHour: number;
  /** Buckets of an hour. */
  readonly hourRows: number;
  readonly now: number;
}

/** Simulates a day at a steady rate at full speed, and measures the database at its end. */
export async function measureDay(stand: Stand, options: DayOptions): Promise<string> {
  const place = await stand.place('scale_day');
  const monitor = await openMonitor(place.databaseUrl);
  const eventsPerHour = options.eventsPerSecond * 3_600;
  const hourRows = expectedRows(shares(options.issues), eventsPerHour).buckets;
  const filler = createFiller(place.databaseUrl, options.issues);
  const events = eventSource(options.issues);
  const now = Math.floor(Date.now() / HOUR) * HOUR;
  const scene = { stand, options, place, monitor, filler, events, eventsPerHour, hourRows, now };
  try {
    const day = await simulate(scene);
    return options.json ? `${dayReport(day)}\n\n${JSON.stringify(day)}` : dayReport(day);
  } finally {
    await monitor.close();
  }
}

async function simulate(scene: Scene): Promise<Day> {
  const { options, place, monitor, events } = scene;
  const { databaseUrl } = place;
  const empty = await fillStore(scene);
  const filled = await tableSizes(databaseUrl);
  const hours = await simulateHours(scene);
  const vacuums = [];
  for (const table of ['issue_hours', 'issue_buckets', 'issue_tags', 'issue_activity']) {
    vacuums.push(await vacuumMeasured(databaseUrl, table));
    options.say(`vacuumed ${table}`);
  }
  if (options.json) options.say(JSON.stringify({ empty, filled, ...hours, vacuums }));
  const ses = await startSes();
  try {
    await query(databaseUrl, RUN_BEFORE);
    const periods: Stored[] = [];
    const runs = [];
    // The first run notifies of what an earlier one would have notified of. So the second one counts.
    for (let round = 0; round < 2; round += 1) {
      options.say(`five minutes of events, and a run of the watcher (${round + 1} of 2)`);
      await query(databaseUrl, 'CHECKPOINT');
      const period = events(options.eventsPerSecond * RUN_SECONDS, new Date());
      const before = await monitor.counters();
      const stored = await storeMeasured(databaseUrl, monitor, period);
      await query(databaseUrl, 'CHECKPOINT');
      const { pages = 0 } = await monitor.counters();
      periods.push({ ...stored, counters: { ...stored.counters, pages: pages - (before.pages ?? 0) } });
      const run = await watchOnce(databaseUrl, ses.endpoint, { TRIGGERS: RECOMMENDED, ALERT_DIGEST: 'run' });
      runs.push(run);
      options.say(`${grouped(stored.eventsPerSecond)} events/s; the run took ${run.seconds.toFixed(1)} s`);
    }
    const { lag, pruneMeanwhile } = await measureLag(scene);
    return {
      options,
      empty,
      filled,
      ...hours,
      vacuums,
      periods,
      runs,
      lag,
      pruneMeanwhile,
      end: await tableSizes(databaseUrl),
      autovacuums: await query(databaseUrl, AUTOVACUUMS),
    };
  } finally {
    await ses.close();
  }
}

/** The lag with processors and a queue, while old rows are deleted. On a machine that is too busy there is no lag. */
async function measureLag({ stand, options, place }: Scene): Promise<Pick<Day, 'lag' | 'pruneMeanwhile'>> {
  options.say('the lag with processors and a queue, while old rows are deleted');
  const ended = new AbortController();
  const pruning = pruneMeasured(place.databaseUrl, Number.POSITIVE_INFINITY, ended.signal);
  const measuring = lagAt(stand, options.eventsPerSecond, {
    processes: 2,
    messageCount: 5_000,
    issues: options.issues,
    place,
  });
  const lag = await measuring.catch((error: unknown) => {
    options.say(`the lag was not measured: ${error}`);
    return null;
  });
  ended.abort();
  return { lag, pruneMeanwhile: await pruning };
}

/** A finished run of an older version: the next run evaluates the issues that change from here on. */
const RUN_BEFORE = `
  INSERT INTO trigger_runs (ran_at, finished_at, snapshot, by_activity)
  VALUES (now(), now(), pg_current_snapshot(), true)`;

const AUTOVACUUMS = `
  SELECT relname AS name, autovacuum_count::int AS count FROM pg_stat_user_tables WHERE autovacuum_count > 0 ORDER BY 1`;

/** @returns the speed of the processor's statement before anything except the issues was stored */
async function fillStore(scene: Scene): Promise<Stored> {
  const { options, place, filler, monitor, events, eventsPerHour, now } = scene;
  const { say, sample, keptDays } = options;
  say(`storing ${grouped(options.issues)} issues`);
  await filler.issues((eventsPerHour * DAY_HOURS) / 2);
  await query(place.databaseUrl, 'VACUUM ANALYZE issues, issue_activity');
  await query(place.databaseUrl, 'CHECKPOINT');
  const empty = await storeMeasured(place.databaseUrl, monitor, events(sample, new Date(now)));
  await query(place.databaseUrl, 'TRUNCATE issue_hours, issue_buckets, issue_tags');

  const before = (hours: number) => new Date(now - hours * HOUR);
  const kept = Array.from({ length: keptDays * DAY_HOURS }, (_, index) => before(DAY_HOURS + 1 + index));
  const expiring = Array.from({ length: DAY_HOURS }, (_, index) =>
    before(HOURS_KEPT_DAYS * DAY_HOURS + 1 + index),
  );
  const hours = [...kept, ...expiring].toSorted((a, b) => a.getTime() - b.getTime());
  await filler.hours(hours, eventsPerHour, (index) => {
    if (index % 8 === 0) say(`storing hour ${index + 1} of ${hours.length}`);
  });
  say(`storing ${BUCKET_DAYS} days, and a tenth of the day that expires, with its tags`);
  const today = (Date.now() / HOUR) % DAY_HOURS;
  await filler.day(0, eventsPerHour * today);
  for (let day = 1; day < BUCKET_DAYS; day += 1) await filler.day(day, eventsPerHour * DAY_HOURS);
  await filler.day(RETENTION_DAYS + 1, eventsPerHour * DAY_HOURS, true);
  say('analyzing');
  await query(place.databaseUrl, 'VACUUM ANALYZE issue_hours, issue_buckets, issue_tags');
  return empty;
}

interface Hours {
  readonly samples: readonly Stored[];
  readonly pruned: readonly Pruned[];
  /** Shares of the samples' events that made a new row of an hour. */
  readonly newHourShares: readonly number[];
}

/**
 * Each hour is first stored as at its half. Then a sample of its events is really stored. So the share of first events of
 * an issue is that of the middle of a real hour. The rest of the hour follows.
 */
async function simulateHours(scene: Scene): Promise<Hours> {
  const { options, place, filler, monitor, events, eventsPerHour, hourRows, now } = scene;
  const samples: Stored[] = [];
  const pruned: Pruned[] = [];
  const newHourShares: number[] = [];
  const every = Math.max(1, Math.floor(options.hours / options.pruneHours));
  for (let hour = 0; hour < options.hours; hour += 1) {
    const start = new Date(now - (options.hours - hour) * HOUR);
    const half = await filler.hour(start, eventsPerHour / 2);
    const sample = events(options.sample, new Date(start.getTime() + HOUR));
    const stored = await storeMeasured(place.databaseUrl, monitor, sample);
    const [{ count = 0 } = {}] = await query<{ count: number }>(
      place.databaseUrl,
      'SELECT count(*)::int FROM issue_hours WHERE hour = $1',
      [start.toISOString()],
    );
    newHourShares.push((count - half) / sample.length);
    await filler.hour(start, eventsPerHour);
    samples.push(stored);
    let deleted = '';
    if (hour % every === 0 && pruned.length < options.pruneHours) {
      const one = await pruneMeasured(place.databaseUrl, hourRows);
      pruned.push(one);
      deleted = `, ${grouped(one.hours.rows)} old rows deleted in ${(one.hours.milliseconds / 1_000).toFixed(1)} s`;
    }
    options.say(
      `hour ${hour + 1} of ${options.hours}: ${grouped(stored.eventsPerSecond)} events/s${deleted}`,
    );
  }
  return { samples, pruned, newHourShares };
}

async function tableSizes(databaseUrl: string): Promise<TableSize[]> {
  const names = ['issues', 'issue_activity', 'issue_buckets', 'issue_hours', 'issue_tags'];
  const sql = names.map(
    (name) => `
    SELECT '${name}' AS name, count(*)::float8 AS rows, pg_table_size('${name}')::float8 AS heap,
           pg_indexes_size('${name}')::float8 AS indexes FROM ${name}`,
  );
  return await query<TableSize>(databaseUrl, sql.join(' UNION ALL '));
}
