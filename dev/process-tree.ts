import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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

export function parentOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

/** CPU that all processes of this machine have used, in milliseconds. Time that other machines took is not counted. */
export function machineCpu(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = read('/proc/stat')
    .split('\n', 1)
    .flatMap((line) => line.trim().split(/\s+/).slice(1).map(Number));
  return (user + nice + system + irq + softirq) * MILLISECONDS_A_TICK;
}

export function childrenOf(pid: number): number[] {
  const text = namesIn(`/proc/${pid}/task`)
    .map((task) => read(`/proc/${pid}/task/${task}/children`))
    .join(' ')
    .trim();
  return text === '' ? [] : text.split(/\s+/).map(Number);
}

/** Peak resident memory of a process, in MB; 0 if it is gone. */
export function peakMemory(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1_024;
}

/** Resident memory of a process, in MB; 0 if it is gone. */
export function residentMemory(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1_024;
}

/** Open files, sockets and pipes of a process; 0 if it is gone. */
export function openHandles(pid: number): number {
  return namesIn(`/proc/${pid}/fd`).length;
}

/** TCP connections of a process to a local port, over IPv4: proc_net_tcp(5). */
export function openConnections(pid: number, port: number): number {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = read('/proc/net/tcp').split('\n').slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  const theirs = fields.filter(([, , address = '', state]) => address.endsWith(remote) && state === '01');
  const sockets = new Set(theirs.map((field) => `socket:[${field[9]}]`));
  const folder = `/proc/${pid}/fd`;
  return namesIn(folder).filter((name) => sockets.has(target(`${folder}/${name}`))).length;
}

/** Processes of a process group that still run. A zombie has ended. */
export function runningInGroup(group: number): number[] {
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const stat = read(`/proc/${pid}/stat`);
      const [state = 'X', , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(processGroup) === group && !['Z', 'X'].includes(state);
    });
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

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
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
