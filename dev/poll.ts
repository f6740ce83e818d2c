import { pause } from '../src/runtime/loop.ts';

export interface PollOptions {
  /** Default 120: long enough for anything that comes at all, even on a busy machine. */
  readonly seconds?: number;
  readonly signal?: AbortSignal | undefined;
  /** Default: the longer it waits, the longer each pause, from 20 to 100. */
  readonly everyMilliseconds?: number;
}

const DEFAULT_SECONDS = 120;
const FIRST_PAUSE_MILLISECONDS = 20;
const LONGEST_PAUSE_MILLISECONDS = 100;

/**
 * Asks until the answer is something other than undefined.
 * @throws when the deadline passes; `what` completes the sentence "waited for"
 */
export async function poll<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  options: PollOptions = {},
): Promise<T> {
  const seconds = options.seconds ?? DEFAULT_SECONDS;
  const deadline = Date.now() + seconds * 1_000;
  const signal = options.signal ?? new AbortController().signal;
  for (let wait = FIRST_PAUSE_MILLISECONDS; ; wait = Math.min(1.5 * wait, LONGEST_PAUSE_MILLISECONDS)) {
    signal.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`timed out after waiting ${seconds} s for ${what}`);
    await pause(options.everyMilliseconds ?? wait, signal);
  }
}
