import type { Drain } from './drain.ts';
import type { Lag } from './lag.ts';

export interface Results {
  readonly options: Readonly<Record<string, number>>;
  readonly raw: readonly Drain[];
  readonly kept: readonly Drain[];
  readonly recycled: readonly Drain[];
  readonly spread: Drain;
  readonly oneIssue: Drain;
  readonly lags: readonly Lag[];
  /** Events a second that pgbench stored by the same statement. */
  readonly upserts: number;
  readonly large: LargeDatabase | null;
}

/** The same messages, stored in an empty database and in one that has their issues already. */
export interface LargeDatabase {
  readonly empty: Drain;
  readonly large: Drain;
}

interface Line {
  readonly what: string;
  readonly perSecond: number;
  readonly cpu: number;
  readonly peak: number;
}

/** A table of medians, then the ratios, which don't depend on the machine's speed. */
export function report(results: Results): string {
  const raw = line('a  bare SDK: receive and delete', results.raw);
  const kept = line('b  processor, workers kept', results.kept);
  const recycled = line('c  processor, workers replaced after 200', results.recycled);
  const spread = line('   eight workers, many issues', [results.spread]);
  const oneIssue = line('   eight workers, one issue', [results.oneIssue]);
  const empty =
    results.large === null ? [] : [line('   b, of a million issues, none stored', [results.large.empty])];
  const large =
    results.large === null ? [] : [line('   b, of a million issues, all stored', [results.large.large])];
  const lines = [raw, kept, recycled, spread, oneIssue, ...empty, ...large];
  const [lag] = results.lags;
  return [
    `${JSON.stringify(results.options)}`,
    '',
    `${'median of the rounds'.padEnd(44)} ${'messages/s'.padStart(10)} ${'CPU ms each'.padStart(12)} ${'peak MB'.padStart(8)}`,
    ...lines.map(
      ({ what, perSecond, cpu, peak }) =>
        `${what.padEnd(44)} ${perSecond.toFixed(0).padStart(10)} ${cpu.toFixed(3).padStart(12)} ${peak.toFixed(0).padStart(8)}`,
    ),
    `${'d  the upsert by pgbench (events/s)'.padEnd(44)} ${results.upserts.toFixed(0).padStart(10)}`,
    '',
    ratio('b/a', kept.perSecond / raw.perSecond, '0.75 or more'),
    ratio('c/b', recycled.perSecond / kept.perSecond, '0.5 or more'),
    ratio('b/d', kept.perSecond / results.upserts, ''),
    ratio('one issue / many issues', oneIssue.perSecond / spread.perSecond, ''),
    ...large.map(({ perSecond }) =>
      ratio('large / empty database', perSecond / (empty[0]?.perSecond ?? Number.NaN), '0.8 or more'),
    ),
    `CPU of the processor's own tree in b        ${kept.cpu.toFixed(3)} ms a message (wanted: 0.3 or less)`,
    `peak memory of a worker in b, in c          ${kept.peak.toFixed(0)} MB, ${recycled.peak.toFixed(0)} MB (wanted: 100 or less)`,
    ...(lag === undefined
      ? []
      : [
          `lag at half load (${lag.messagesPerSecond.toFixed(0)}/s)                  p50 ${lag.p50.toFixed(0)} ms, p99 ${lag.p99.toFixed(0)} ms (wanted: p99 under 250)`,
        ]),
  ].join('\n');
}

function ratio(name: string, value: number, wanted: string): string {
  return `${name.padEnd(43)} ${value.toFixed(2)}${wanted === '' ? '' : ` (wanted: ${wanted})`}`;
}

function line(what: string, drains: readonly Drain[]): Line {
  return {
    what,
    perSecond: median(drains.map((drain) => drain.messagesPerSecond)),
    cpu: median(drains.map((drain) => drain.cpuMillisecondsPerMessage)),
    peak: Math.max(...drains.map((drain) => drain.peakMegabytes)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
