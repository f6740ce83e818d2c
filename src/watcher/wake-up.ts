import { pause } from '../runtime/loop.ts';

/** Lets one loop wake another. */
export interface Bell {
  ring(): void;
  /** Waits for a ring, the time or the signal; a ring since the last wait counts. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export function createBell(): Bell {
  let rung = new AbortController();
  return {
    ring: () => rung.abort(),
    async wait(milliseconds, signal) {
      await pause(milliseconds, AbortSignal.any([signal, rung.signal]));
      if (rung.signal.aborted) rung = new AbortController();
    },
  };
}
