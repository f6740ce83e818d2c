import { setTimeout as timer } from 'node:timers/promises';

/** Waits. Returns early if the signal fires; never throws. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || milliseconds <= 0) return;
  await timer(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** Returns a signal that fires some time after the given one. `cancel` stops listening and waiting. */
export function delayedAbort(
  signal: AbortSignal,
  milliseconds: number,
): { readonly signal: AbortSignal; cancel(): void } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = () => {
    timer = setTimeout(() => controller.abort(signal.reason), milliseconds);
  };
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  return {
    signal: controller.signal,
    cancel() {
      signal.removeEventListener('abort', begin);
      clearTimeout(timer);
    },
  };
}

/**
 * Exponential backoff with equal jitter. The wait is at most `base * 2^(attempt - 1)`, and never more than `cap`. It is
 * at least half of that, so that no loop ever runs hot.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 * @param attempt counted from 1
 */
export function backoff(
  attempt: number,
  base: number,
  cap: number,
  random: () => number = Math.random,
): number {
  const bound = Math.min(cap, base * 2 ** Math.min(attempt - 1, 30));
  return bound / 2 + (bound / 2) * random();
}
