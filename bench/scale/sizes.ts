import { grouped, table } from './table.ts';

interface Size {
  readonly name: string;
  readonly cpus: number;
  readonly memoryGigabytes: number;
}

const SIZES: readonly Size[] = [
  { name: 'db.t4g.medium', cpus: 2, memoryGigabytes: 4 },
  { name: 'db.m7g.large', cpus: 2, memoryGigabytes: 8 },
  { name: 'db.m7g.xlarge', cpus: 4, memoryGigabytes: 16 },
  { name: 'db.m7g.2xlarge', cpus: 8, memoryGigabytes: 32 },
  { name: 'db.m7g.4xlarge', cpus: 16, memoryGigabytes: 64 },
];

/** A burstable instance may use this share of its CPUs for longer than its credits last. */
const BURSTABLE: Readonly<Record<string, number>> = { 'db.t4g.medium': 0.2 };
/** The rest is for the watcher, vacuum, checkpoints and peaks. */
const USED = 0.6;
/** Of a gp3 volume below 400 GB. Above it, RDS gives four times as much. */
const DISK_BYTES_PER_SECOND = 125e6;

/** The cost of a message. */
export interface Cost {
  readonly postgresMs: number;
  /** WAL, and pages that checkpoints and others write. */
  readonly diskBytes: number;
  /** Messages a second that connections could store if they did nothing except wait for rows that others have locked. */
  readonly byRows?: number;
}

/** Messages a second that a size of RDS could store, computed from the cost of a message on this machine. */
export function sizesTable({ postgresMs, diskBytes, byRows = Number.POSITIVE_INFINITY }: Cost): string {
  const byDisk = (DISK_BYTES_PER_SECOND * USED) / diskBytes;
  const rows = SIZES.map(({ name, cpus, memoryGigabytes }) => {
    const byCpu = (cpus * (BURSTABLE[name] ?? USED) * 1_000) / postgresMs;
    const limits = [
      [byCpu, 'CPU'],
      [byDisk, 'disk'],
      [byRows, 'locked rows'],
    ] as const;
    const [least, limit] = limits.reduce((lower, other) => (other[0] < lower[0] ? other : lower));
    return [name, cpus, memoryGigabytes, grouped(byCpu), grouped(byDisk), grouped(least), limit];
  });
  const head = ['RDS', 'vCPU', 'GB', 'messages/s by CPU', 'messages/s by disk', 'the lowest', 'limit'];
  const locked = Number.isFinite(byRows) ? `; by locked rows ${grouped(byRows)} messages/s` : '';
  const basis = `${postgresMs.toFixed(3)} ms of Postgres's CPU and ${grouped(diskBytes)} bytes to the disk a message${locked}`;
  return `${basis}\n\n${table(head, rows)}`;
}
