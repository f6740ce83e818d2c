import type { WorkerProcess } from './worker-process.ts';

/** Kills workers that report nothing for longer than `stallMilliseconds`. @returns a function that ends the watch */
export function startWatchdog(workers: Iterable<WorkerProcess>, stallMilliseconds: number): () => void {
  const interval = stallMilliseconds / 4;
  let lookedAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    // If this process or the whole machine was paused, the reports that workers sent meanwhile are read only after
    // this.
    const paused = now - lookedAt - interval > stallMilliseconds / 2;
    lookedAt = now;
    for (const worker of workers) {
      if (paused) worker.excuseSilence(now);
      worker.killIfSilent(now, stallMilliseconds);
    }
  }, interval);
  return () => clearInterval(timer);
}
