import type { WorkerProcess } from './worker-process.ts';

/** Kills workers that report nothing for longer than `stallMilliseconds`. @returns how to stop it */
export function startWatchdog(workers: Iterable<WorkerProcess>, stallMilliseconds: number): () => void {
  const interval = stallMilliseconds / 4;
  let lookedAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    // This process stood still, or the whole machine did: what workers reported meanwhile is read only after this.
    const paused = now - lookedAt - interval > stallMilliseconds / 2;
    lookedAt = now;
    for (const worker of workers) {
      if (paused) worker.excuseSilence(now);
      worker.killIfSilent(now, stallMilliseconds);
    }
  }, interval);
  return () => clearInterval(timer);
}
