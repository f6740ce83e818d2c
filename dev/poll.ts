import { pause } from '../src/runtime/loop.ts';

export interface PollOptions {
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
  /** Default 50. */
  readonly everyMilliseconds?: number;
}

/**
 * Asks until the answer is something other than undefined.
 * @throws when the deadline passes; `what` completes the sentence "waited for"
 */
export async function poll<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  options: PollOptions,
): Promise<T> {
  const deadline = Date.now() + options.seconds * 1_000;
  const signal = options.signal ?? new AbortController().signal;
  for (;;) {
    signal.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${options.seconds} s for ${what}, in vain`);
    await pause(options.everyMilliseconds ?? 50, signal);
  }
}
