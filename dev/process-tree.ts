import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU in ticks of a hundredth of a second (`getconf CLK_TCK`). */
const MILLISECONDS_A_TICK = 10;

/** CPU that a process and all its descendants have used, those that have ended included, in milliseconds. */
export function treeCpu(pid: number): number {
  const own = cpuOf(pid);
  return own + childrenOf(pid).reduce((sum, child) => sum + treeCpu(child), 0);
}

/** Fields of /proc/PID/stat after the name, which can hold spaces: proc(5). */
function cpuOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15).map(Number);
  return (utime + stime + cutime + cstime) * MILLISECONDS_A_TICK;
}

export function childrenOf(pid: number): number[] {
  const text = tasksOf(pid)
    .map((task) => read(`/proc/${pid}/task/${task}/children`))
    .join(' ')
    .trim();
  return text === '' ? [] : text.split(/\s+/).map(Number);
}

/** Peak resident memory of a process, in MB; 0 if it is gone. */
export function peakMemory(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1_024;
}

/** Reads a child's peak memory until it is stopped. @returns stops, and returns the last reading before the end, in MB */
export function watchPeakMemory(pid: number, everyMilliseconds: number): () => number {
  let peak = 0;
  const timer = setInterval(() => {
    peak = peakMemory(pid) || peak;
  }, everyMilliseconds);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** A process can end while it is looked at. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
