import type { ProcessKind, ProcessSample, Samples } from './samples.ts';
import { PROCESS_KINDS } from './samples.ts';

/** How a number changed over time. */
export interface Growth {
  /** The medians of the first and of the last third of the samples. */
  readonly first: number;
  readonly last: number;
  /** By least squares over the last two thirds, because a process grows while it starts. */
  readonly perHour: number;
}

export interface Measured {
  readonly what: string;
  readonly unit: string;
  readonly growth: Growth;
  /** The measured process lived long enough for its growth to mean something. */
  readonly conclusive: boolean;
}

interface Point {
  readonly hours: number;
  readonly value: number;
}

/** With fewer samples there is no growth to speak about. */
const FEWEST_SAMPLES = 6;
/** A process reaches its usual size within some minutes. */
const CONCLUSIVE_HOURS = 10 / 60;
/** More than noise: memory varies with each garbage collection. */
const MOST_GROWTH = 1.5;

/** The growth of the process of each kind that lived longest, and of the connections of each kind. */
export function measure({ processes, connections }: Samples): Measured[] {
  const measured: Measured[] = [];
  const add = (what: string, unit: string, points: readonly Point[]) => {
    if (points.length < FEWEST_SAMPLES) return;
    const lifetime = (points.at(-1)?.hours ?? 0) - (points[0]?.hours ?? 0);
    measured.push({ what, unit, growth: growthOf(points), conclusive: lifetime >= CONCLUSIVE_HOURS });
  };
  for (const kind of PROCESS_KINDS) {
    const samples = longestLived(processes, kind);
    const minutes = Math.round(60 * ((samples.at(-1)?.hours ?? 0) - (samples[0]?.hours ?? 0)));
    const who = `${kind} (the one that lived longest, ${minutes} min)`;
    add(
      `memory of ${who}`,
      'MB',
      samples.map(({ hours, memory }) => ({ hours, value: memory })),
    );
    add(
      `handles of ${who}`,
      '',
      samples.map(({ hours, handles }) => ({ hours, value: handles })),
    );
  }
  for (const kind of PROCESS_KINDS) {
    const all = processes.filter((sample) => sample.kind === kind);
    add(
      `memory of each ${kind}`,
      'MB',
      all.map(({ hours, memory }) => ({ hours, value: memory })),
    );
  }
  for (const kind of ['worker', 'watcher'] as const) {
    const points = connections.filter((sample) => sample.kind === kind);
    add(
      `connections of all ${kind}s`,
      '',
      points.map((point) => ({ hours: point.hours, value: point.connections })),
    );
  }
  return measured;
}

/** Numbers that grew far beyond noise. */
export function leaks(measured: readonly Measured[]): string[] {
  return measured
    .filter(({ conclusive, growth: { first, last } }) => conclusive && last > first * MOST_GROWTH)
    .map((one) => `grew: ${lineOf(one)}`);
}

export function lineOf({ what, unit, growth: { first, last, perHour } }: Measured): string {
  const slope = `${perHour < 0 ? '−' : '+'}${Math.abs(perHour).toFixed(1)}`;
  const shown = unit === '' ? '' : ` ${unit}`;
  return `${what}: ${first.toFixed(0)}${shown} → ${last.toFixed(0)}${shown}, ${slope}${shown} an hour`;
}

function longestLived(samples: readonly ProcessSample[], kind: ProcessKind): readonly ProcessSample[] {
  const byPid = Map.groupBy(
    samples.filter((sample) => sample.kind === kind),
    ({ pid }) => pid,
  );
  return [...byPid.values()].reduce((longest, one) => (one.length > longest.length ? one : longest), []);
}

export function growthOf(points: readonly Point[]): Growth {
  const third = Math.ceil(points.length / 3);
  const values = (part: readonly Point[]) => part.map(({ value }) => value);
  return {
    first: median(values(points.slice(0, third))),
    last: median(values(points.slice(-third))),
    perHour: slope(points.slice(third)),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

function slope(points: readonly Point[]): number {
  const mean = (of: (point: Point) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const hours = mean((point) => point.hours);
  const value = mean((point) => point.value);
  const spread = points.reduce((sum, point) => sum + (point.hours - hours) ** 2, 0);
  const together = points.reduce((sum, point) => sum + (point.hours - hours) * (point.value - value), 0);
  return spread === 0 ? 0 : together / spread;
}
