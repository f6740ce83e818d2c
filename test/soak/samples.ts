import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { childrenOf, openConnections, openHandles, residentMemory } from '../../dev/process-tree.ts';
import { pause } from '../../src/runtime/loop.ts';
import type { Daemon } from './daemon.ts';
import type { Stand } from './stand.ts';

export type ProcessKind = 'supervisor' | 'worker' | 'watcher' | 'triggers';
export const PROCESS_KINDS: readonly ProcessKind[] = ['supervisor', 'worker', 'watcher', 'triggers'];

/** One look at one process. */
export interface ProcessSample {
  readonly kind: ProcessKind;
  readonly pid: number;
  /** Hours since the start of the soak run. */
  readonly hours: number;
  /** Without garbage, in MB; undefined until the process has collected its garbage for the first time. */
  readonly heap: number | undefined;
  /** Resident, in MB. */
  readonly memory: number;
  readonly handles: number;
  /** To Postgres. */
  readonly connections: number;
}

const EVERY_MILLISECONDS = 5_000;
const BYTES = 1_048_576;

/** Looks at the processes until the signal fires. */
export async function takeSamples(
  stand: Stand,
  samples: ProcessSample[],
  signal: AbortSignal,
): Promise<void> {
  const started = performance.now();
  while (!signal.aborted) {
    const hours = (performance.now() - started) / 3_600_000;
    samples.push(
      ...ofDaemon(stand, stand.processor, 'supervisor', 'worker', hours),
      ...stand.watchers.flatMap((watcher) => ofDaemon(stand, watcher, 'watcher', 'triggers', hours)),
    );
    await pause(EVERY_MILLISECONDS, signal);
  }
}

function ofDaemon(
  { databaseUrl, heaps }: Stand,
  { pid }: Daemon,
  main: ProcessKind,
  child: ProcessKind,
  hours: number,
): ProcessSample[] {
  if (pid === undefined) return [];
  const port = Number(new URL(databaseUrl).port);
  const look = (kind: ProcessKind, one: number): ProcessSample => ({
    kind,
    pid: one,
    hours,
    heap: heapOf(heaps, one),
    memory: residentMemory(one),
    handles: openHandles(one),
    connections: openConnections(one, port),
  });
  const all = [look(main, pid), ...childrenOf(pid).map((one) => look(child, one))];
  // A process that ended in the middle of the look has no memory.
  return all.filter(({ memory, handles }) => memory > 0 && handles > 0);
}

function heapOf(folder: string, pid: number): number | undefined {
  try {
    return Number(readFileSync(join(folder, String(pid)), 'utf8')) / BYTES || undefined;
  } catch {
    return undefined;
  }
}
