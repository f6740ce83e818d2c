import type { Lag } from '../lag.ts';
import { median } from '../processor-report.ts';
import type { Measured } from '../watcher.ts';
import type { DayOptions } from './day.ts';
import type { Stored } from './day-events.ts';
import type { Pruned, Vacuumed } from './day-prune.ts';
import { RETENTION_DAYS } from './day-prune.ts';
import { expectedRows, shares } from './expected.ts';
import { shownWaits } from './monitor.ts';
import { sizesTable } from './sizes.ts';
import { gigabytes, grouped, table } from './table.ts';

export interface TableSize {
  readonly name: string;
  readonly rows: number;
  readonly heap: number;
  readonly indexes: number;
}

/** All measured numbers of a day. */
export interface Day {
  readonly options: DayOptions;
  /** Samples: in a database with issues only, and in each hour. */
  readonly empty: Stored;
  readonly samples: readonly Stored[];
  readonly newHourShares: readonly number[];
  readonly pruned: readonly Pruned[];
  readonly pruneMeanwhile: Pruned;
  readonly vacuums: readonly Vacuumed[];
  readonly filled: readonly TableSize[];
  readonly end: readonly TableSize[];
  readonly periods: readonly Stored[];
  readonly runs: readonly Measured[];
  /** Null if the machine was too busy. */
  readonly lag: Lag | null;
  readonly autovacuums: readonly { readonly name: string; readonly count: number }[];
}

const PAGE_BYTES = 8_192;
const HOURS_KEPT = 8 * 24;
/** The watcher deletes for 30 s at most after each run, every five minutes. */
const PRUNE_SECONDS_A_DAY = (86_400 / 300) * 30;
/** Autovacuum begins when a fifth of the rows is dead. */
const DEAD_SHARE = 0.2;
/** As many ids of rows, of 6 bytes each, as vacuum remembers in 64 MB. For more it reads the indexes again. */
const DEAD_ROWS_A_PASS = (64 * 1_024 * 1_024) / 6;
/** Pages that autovacuum reads in a second: each costs 2, and after 200 it waits for 2 ms. */
const VACUUM_PAGES_PER_SECOND = 50_000;

export function dayReport(day: Day): string {
  return [upserts(day), atTheEnd(day), disk(day), pruning(day), vacuum(day), sizesOfRds(day)].join('\n\n');
}

function upserts({ empty, samples, periods, newHourShares }: Day): string {
  const row = (name: string, stored: readonly Stored[]) => [
    name,
    grouped(median(stored.map((one) => one.eventsPerSecond))),
    (median(stored.map((one) => one.eventsPerSecond)) / empty.eventsPerSecond).toFixed(2),
    median(stored.map((one) => one.postgresMs)).toFixed(3),
    grouped(median(stored.map((one) => one.wal))),
    shownWaits(stored.at(-1)?.waits ?? []),
  ];
  const quarter = Math.ceil(samples.length / 4);
  const rows = [
    row('only the issues are stored', [empty]),
    row('first quarter of the hours', samples.slice(0, quarter)),
    row('last quarter of the hours', samples.slice(-quarter)),
    row('five minutes at the end', periods),
  ];
  const head = [
    'events by the processor’s function',
    'events/s',
    'ratio',
    'Postgres, ms',
    'WAL, bytes',
    'waits',
  ];
  const share = Math.round(median(newHourShares) * 1_000) / 10;
  return `Measured: storing. In the samples ${share} % of the events made a new row of an hour\n\n${table(head, rows)}`;
}

function atTheEnd({ options, periods, runs, lag, autovacuums }: Day): string {
  const rate = median(periods.map((one) => one.eventsPerSecond));
  const [last] = runs.slice(-1);
  const vacuums = autovacuums.map(({ name, count }) => `${name} ${count}`).join(', ');
  return [
    'Measured: at the end of the day',
    '',
    `- capacity: ${grouped(rate)} events/s by two connections; arrival / capacity ${(options.eventsPerSecond / rate).toFixed(2)}`,
    lag === null
      ? '- the lag was not measured'
      : `- lag at ${grouped(lag.messagesPerSecond)} messages/s: p50 ${lag.p50.toFixed(0)} ms, p99 ${lag.p99.toFixed(0)} ms`,
    ...runs.map(
      (run, index) =>
        `- run ${index + 1} of the watcher: ${run.seconds.toFixed(1)} s, ${grouped(run.issues)} issues, ${grouped(run.alerts)} alerts, ${run.megabytes} MB`,
    ),
    `- the last run needs ${(((last?.seconds ?? 0) / 300) * 100).toFixed(0)} % of its five minutes`,
    `- autovacuum ran: ${vacuums === '' ? 'never' : vacuums}`,
  ].join('\n');
}

/** Rows at full retention, of issues with this rate. */
function fullRows({ issues, eventsPerSecond }: DayOptions) {
  const each = shares(issues);
  const hour = expectedRows(each, eventsPerSecond * 3_600);
  const day = expectedRows(each, eventsPerSecond * 86_400);
  return { hour: hour.buckets, day: day.buckets, tags: day.tags };
}

function disk({ options, filled }: Day): string {
  const full = fullRows(options);
  const kept: Readonly<Record<string, number>> = {
    issues: options.issues,
    issue_activity: options.issues,
    issue_buckets: full.day * RETENTION_DAYS,
    issue_hours: full.hour * HOURS_KEPT,
    issue_tags: full.tags * RETENTION_DAYS,
  };
  const sizes = filled.map(({ name, rows, heap, indexes }) => {
    const keptRows = kept[name] ?? rows;
    const bytes = (heap + indexes) / rows;
    return { name, rows, heap: heap / rows, indexes: indexes / rows, keptRows, bytes: keptRows * bytes };
  });
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const rows = sizes.map(({ name, rows, heap, indexes, keptRows, bytes }) => [
    name,
    grouped(rows),
    grouped(heap),
    grouped(indexes),
    grouped(keptRows),
    gigabytes(bytes),
    `${Math.round((bytes / total) * 100)} %`,
  ]);
  const head = [
    'table',
    'rows measured',
    'bytes a row',
    'and in indexes',
    'rows at full retention (computed)',
    'GB (computed)',
    'share',
  ];
  return `Disk: ${gigabytes(total)} GB at full retention, without dead rows and WAL\n\n${table(head, rows)}`;
}

function pruning({ options, pruned, pruneMeanwhile }: Day): string {
  const full = fullRows(options);
  const sum = (kind: keyof Pruned) => ({
    rows: pruned.reduce((total, one) => total + one[kind].rows, 0),
    milliseconds: pruned.reduce((total, one) => total + one[kind].milliseconds, 0),
  });
  const row = (name: string, work: Pruned['hours'], perDay: number) => {
    if (work.rows === 0) return [name, 0, '', grouped(perDay), '', ''];
    const rate = (work.rows / work.milliseconds) * 1_000;
    const needed = perDay / rate;
    return [
      name,
      grouped(work.rows),
      grouped(rate),
      grouped(perDay),
      grouped(needed),
      (needed / PRUNE_SECONDS_A_DAY).toFixed(3),
    ];
  };
  const rows = [
    row('hours', sum('hours'), full.hour * 24),
    row('hours, while messages arrive', pruneMeanwhile.hours, full.hour * 24),
    row('days, each with its tags', sum('days'), full.day),
  ];
  const head = [
    'buckets of',
    'deleted',
    'deleted a second',
    'expire in a day (computed)',
    'seconds a day needed',
    'of the time that it has',
  ];
  return `Pruning. After each run it has 30 s, so ${grouped(PRUNE_SECONDS_A_DAY)} s a day\n\n${table(head, rows)}`;
}

function vacuum({ options, vacuums, filled }: Day): string {
  const full = fullRows(options);
  const rowsAtRetention: Readonly<Record<string, number>> = {
    issue_hours: full.hour * HOURS_KEPT,
    issue_buckets: full.day * RETENTION_DAYS,
    issue_tags: full.tags * RETENTION_DAYS,
  };
  const days: Readonly<Record<string, number>> = {
    issue_hours: HOURS_KEPT / 24,
    issue_buckets: RETENTION_DAYS,
    issue_tags: RETENTION_DAYS,
  };
  const rows = vacuums.map(({ table: name, rows: live, dead, seconds }) => {
    const kept = rowsAtRetention[name];
    // Perhaps autovacuum came first.
    if (kept === undefined || dead === 0)
      return [name, grouped(live), grouped(dead), seconds.toFixed(1), '', '', '', ''];
    const deadAtOnce = kept * DEAD_SHARE;
    const passes = Math.ceil(deadAtOnce / DEAD_ROWS_A_PASS);
    const size = filled.find((one) => one.name === name);
    const pages = (((size?.indexes ?? 0) / (size?.rows ?? 1)) * kept) / PAGE_BYTES;
    const growth = Math.max(deadAtOnce / dead, kept / (live + dead));
    const needed = seconds * growth + ((passes - 1) * pages) / VACUUM_PAGES_PER_SECOND;
    const between = (days[name] ?? Number.NaN) * DEAD_SHARE;
    return [
      name,
      grouped(live),
      grouped(dead),
      seconds.toFixed(1),
      between.toFixed(1),
      passes,
      grouped(needed),
      (needed / between / 86_400).toFixed(3),
    ];
  });
  const head = [
    'table',
    'rows',
    'dead rows',
    'vacuum, s',
    'days between two (computed)',
    'passes over its indexes (computed)',
    's at full retention, at most (computed)',
    'of the time between two',
  ];
  return `Vacuum, as slowly as autovacuum by default\n\n${table(head, rows)}`;
}

function sizesOfRds({ periods }: Day): string {
  const last = periods.at(-1);
  if (last === undefined) return '';
  const { pages = 0 } = last.counters;
  const cost = { postgresMs: last.postgresMs, diskBytes: last.wal + (pages * PAGE_BYTES) / last.events };
  return `Computed, from the last five minutes: ${sizesTable(cost)}`;
}
