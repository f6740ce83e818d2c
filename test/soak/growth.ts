import type { ProcessKind, ProcessSample } from './samples.ts';
import { PROCESS_KINDS } from './samples.ts';

/** The growth of one number, in the processes of one kind that lived long. */
export interface Growth {
  readonly kind: ProcessKind;
  readonly quantity: Quantity;
  /** The mean of all its samples. */
  readonly level: number;
  readonly perHour: number;
  /** The growth over the time for which the longest process was measured, as the slope has it. */
  readonly gained: number;
}

/** Processes of one kind, and those of them that lived long enough to be measured. */
export interface Measured {
  readonly kind: ProcessKind;
  readonly processes: number;
  readonly longLived: number;
  /** How long the longest one was measured, in minutes. */
  readonly minutes: number;
  readonly growths: readonly Growth[];
}

type Quantity = 'heap' | 'memory' | 'handles' | 'connections';

/** A process loads its code, opens its connections and compiles its hot functions in this time. */
const WARM_UP_HOURS = 3 / 60;
/** Over a shorter time, noise looks like growth. */
const SHORTEST_HOURS = 4 / 60;
/** Growth that is more than noise: by this share, and by this number at least. */
const MOST_SHARE = 0.2;
const QUANTITIES: Readonly<Record<Quantity, { shown: string; unit: string; least: number }>> = {
  heap: { shown: 'heap without garbage', unit: ' MB', least: 4 },
  // Garbage comes and goes, and malloc keeps the memory of the most of it. Only a leak outside of the heap adds this much.
  memory: { shown: 'resident memory', unit: ' MB', least: 100 },
  handles: { shown: 'open handles', unit: '', least: 5 },
  // A watcher opens up to five, and closes those that are idle.
  connections: { shown: 'connections to Postgres', unit: '', least: 3 },
};

/** Compares each process with itself. Processes of a kind have one slope together, each around its own level. */
export function measure(samples: readonly ProcessSample[]): Measured[] {
  return PROCESS_KINDS.map((kind) => {
    const ofKind = samples.filter((sample) => sample.kind === kind);
    const all = [...Map.groupBy(ofKind, ({ pid }) => pid).values()];
    const lives = all.map(warm).filter((life) => hoursOf(life) >= SHORTEST_HOURS);
    const hours = Math.max(0, ...lives.map(hoursOf));
    const quantities = lives.length === 0 ? [] : (Object.keys(QUANTITIES) as Quantity[]);
    return {
      kind,
      processes: all.length,
      longLived: lives.length,
      minutes: Math.round(60 * hours),
      growths: quantities.map((quantity) => growthOf(kind, quantity, lives, hours)),
    };
  });
}

/** Numbers that grew beyond noise. */
export function leaks(measured: readonly Measured[]): string[] {
  return measured.flatMap(({ growths, minutes }) =>
    growths.filter(isLeak).map((growth) => `grew in ${minutes} min: ${growth.kind}, ${lineOf(growth)}`),
  );
}

function isLeak({ quantity, level, gained }: Growth): boolean {
  return gained > Math.max(QUANTITIES[quantity].least, MOST_SHARE * level);
}

/** The growth, for a person. */
export function growthLines(measured: readonly Measured[]): string[] {
  return measured.flatMap(({ kind, processes, longLived, minutes, growths }) => [
    `${kind}: ${longLived} of ${processes} processes lived long enough${longLived === 0 ? '' : `, up to ${minutes} min after their start-up`}`,
    ...growths.map((growth) => `  ${lineOf(growth)}`),
  ]);
}

function lineOf({ quantity, level, perHour }: Growth): string {
  const { shown, unit } = QUANTITIES[quantity];
  const slope = `${perHour < 0 ? '−' : '+'}${Math.abs(perHour).toFixed(1)}`;
  return `${shown}: ${level.toFixed(1)}${unit}, ${slope}${unit} an hour`;
}

type Life = readonly ProcessSample[];

function warm(life: Life): Life {
  const start = life[0]?.hours ?? 0;
  return life.filter(({ hours }) => hours - start >= WARM_UP_HOURS);
}

function hoursOf(life: Life): number {
  return (life.at(-1)?.hours ?? 0) - (life[0]?.hours ?? 0);
}

function growthOf(kind: ProcessKind, quantity: Quantity, lives: readonly Life[], hours: number): Growth {
  const points = lives.map((life) =>
    life.flatMap((sample) => {
      const value = sample[quantity];
      return value === undefined ? [] : [{ hours: sample.hours, value }];
    }),
  );
  const perHour = slope(points);
  return {
    kind,
    quantity,
    level: mean(points.flat().map(({ value }) => value)),
    perHour,
    gained: perHour * hours,
  };
}

interface Point {
  readonly hours: number;
  readonly value: number;
}

/** By least squares, over the distances of each process's points from their own centre. */
function slope(lives: readonly (readonly Point[])[]): number {
  const distances = lives.flatMap((points) => {
    const hours = mean(points.map((point) => point.hours));
    const value = mean(points.map((point) => point.value));
    return points.map((point) => ({ hours: point.hours - hours, value: point.value - value }));
  });
  const spread = distances.reduce((sum, { hours }) => sum + hours ** 2, 0);
  const together = distances.reduce((sum, { hours, value }) => sum + hours * value, 0);
  return spread === 0 ? 0 : together / spread;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
