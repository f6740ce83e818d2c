import { query } from '../../dev/postgres/server.ts';
import { childrenOf, openHandles, residentMemory } from '../../dev/process-tree.ts';
import { pause } from '../../src/runtime/loop.ts';
import type { Daemon } from './daemon.ts';
import type { Targets } from './faults.ts';

export type ProcessKind = 'supervisor' | 'worker' | 'watcher' | 'triggers';
export const PROCESS_KINDS: readonly ProcessKind[] = ['supervisor', 'worker', 'watcher', 'triggers'];

/** One look at one process. */
export interface ProcessSample {
  readonly kind: ProcessKind;
  readonly pid: number;
  /** Hours since the start of the soak run. */
  readonly hours: number;
  readonly memory: number;
  readonly handles: number;
}

/** One look at Postgres: the connections of all processes of a kind together. */
export interface ConnectionSample {
  readonly kind: 'worker' | 'watcher';
  readonly hours: number;
  readonly connections: number;
}

export interface Samples {
  readonly processes: ProcessSample[];
  readonly connections: ConnectionSample[];
}

const EVERY_MILLISECONDS = 5_000;

/** Looks at the processes and their connections until the signal fires. */
export async function takeSamples(targets: Targets, samples: Samples, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  while (!signal.aborted) {
    const hours = (performance.now() - started) / 3_600_000;
    samples.processes.push(...sampleProcesses(targets, hours));
    samples.connections.push(...(await sampleConnections(targets, hours)));
    await pause(EVERY_MILLISECONDS, signal);
  }
}

function sampleProcesses({ processor, watchers }: Targets, hours: number): ProcessSample[] {
  return [
    ...ofDaemon(processor, 'supervisor', 'worker', hours),
    ...watchers.flatMap((watcher) => ofDaemon(watcher, 'watcher', 'triggers', hours)),
  ];
}

function ofDaemon(daemon: Daemon, main: ProcessKind, child: ProcessKind, hours: number): ProcessSample[] {
  const { pid } = daemon;
  if (pid === undefined) return [];
  const look = (kind: ProcessKind, one: number): ProcessSample => ({
    kind,
    pid: one,
    hours,
    memory: residentMemory(one),
    handles: openHandles(one),
  });
  const all = [look(main, pid), ...childrenOf(pid).map((one) => look(child, one))];
  // A process that ended in the middle of the look has no memory.
  return all.filter(({ memory, handles }) => memory > 0 && handles > 0);
}

async function sampleConnections({ databaseUrl }: Targets, hours: number): Promise<ConnectionSample[]> {
  const sql = `SELECT count(*) FILTER (WHERE application_name LIKE 'bec-alerts worker%')::int AS worker,
                      count(*) FILTER (WHERE application_name LIKE 'bec-alerts watcher%')::int AS watcher
               FROM pg_stat_activity`;
  // Postgres may be stopped at this moment.
  const [row] = await query<{ worker: number; watcher: number }>(databaseUrl, sql).catch(() => []);
  if (row === undefined) return [];
  return [
    { kind: 'worker', hours, connections: row.worker },
    { kind: 'watcher', hours, connections: row.watcher },
  ];
}
