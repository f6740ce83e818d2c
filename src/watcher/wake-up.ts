import { pause } from '../runtime/loop.ts';

/** Lets one loop end another loop's wait. */
export interface WakeUp {
  /** Ends the wait; if nobody waits, the next wait ends at once. */
  call(): void;
  /** Waits for a call, the time or the signal. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export function createWakeUp(): WakeUp {
  let called = new AbortController();
  return {
    call: () => called.abort(),
    async wait(milliseconds, signal) {
      await pause(milliseconds, AbortSignal.any([signal, called.signal]));
      if (called.signal.aborted) called = new AbortController();
    },
  };
}
