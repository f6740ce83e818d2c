import { extname, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../../../runtime/errors.ts';
import { pause } from '../../../runtime/loop.ts';
import { TriggerFileError } from '../file.ts';
import { placeIn } from '../place.ts';
import type { CheckReport, ListedTrigger } from './check-protocol.ts';
import { isCheckReport } from './check-protocol.ts';

const ENTRY = new URL(`./check-thread${extname(import.meta.url)}`, import.meta.url);
/** Milliseconds that a file may take. A loop that never ends must not hold the command. */
export interface Patience {
  /** Until the file is loaded. */
  readonly loading: number;
  /** Until one trigger is tried. */
  readonly trying: number;
}

const PATIENCE: Patience = { loading: 20_000, trying: 20_000 };
/** A thread that sleeps in the operating system can't be stopped. */
const STOP_MILLISECONDS = 1_000;

/**
 * Loads a trigger file in a thread of its own, and tries each of its triggers on made-up issues. The file is another's
 * code: whatever it does, the check ends.
 * @param output where the file's own output goes
 * @throws TriggerFileError naming every mistake
 */
export async function checkTriggerFile(
  file: string,
  output: NodeJS.WritableStream,
  patience = PATIENCE,
): Promise<readonly ListedTrigger[]> {
  const thread = new Worker(ENTRY, { workerData: file, stdout: true });
  thread.stdout.pipe(output, { end: false });
  try {
    const { triggers, mistakes } = await resultOf(thread, file, patience);
    if (mistakes.length > 0) throw new TriggerFileError(file, mistakes);
    return triggers;
  } finally {
    await Promise.race([thread.terminate(), pause(STOP_MILLISECONDS, new AbortController().signal)]);
  }
}

interface Result {
  readonly triggers: readonly ListedTrigger[];
  readonly mistakes: readonly string[];
}

/** Waits until the thread is done, or is silent for too long, or ends in another way. */
async function resultOf(thread: Worker, file: string, patience: Patience): Promise<Result> {
  const mistakes: string[] = [];
  let trying: Extract<CheckReport, { type: 'trying' }> | null = null;
  const { promise, resolve: end } = Promise.withResolvers<Result>();
  /** The thread goes no further: the mistake is that of the trigger it tried. */
  const broken = (mistake: string, error?: unknown) => {
    const place = (error instanceof Error ? placeIn(error, resolve(file)) : null) ?? trying?.place ?? null;
    const text = `${mistake}${place === null ? '' : ` (${place})`}`;
    const last =
      trying === null
        ? `it can't be loaded: ${text}`
        : `${trying.label}: ${text}; later triggers were not tried`;
    end({ triggers: [], mistakes: [...mistakes, last] });
  };
  const silentFor = (milliseconds: number) =>
    setTimeout(
      () => broken(`${trying === null ? 'it' : 'evaluate'} did not return within ${milliseconds / 1_000} s`),
      milliseconds,
    );
  let silence = silentFor(patience.loading);
  thread.on('message', (message: unknown) => {
    if (!isCheckReport(message)) return broken('its thread sent a message that is not a report');
    clearTimeout(silence);
    silence = silentFor(patience.trying);
    if (message.type === 'trying') trying = message;
    if (message.type === 'mistakes') mistakes.push(...message.mistakes);
    if (message.type === 'done') end({ triggers: message.triggers, mistakes });
  });
  // The error may overtake the thread's messages. At the exit all of them have arrived, so it is clear whose error it is.
  let uncaught: { readonly error: unknown } | undefined;
  thread.on('error', (error) => {
    uncaught = { error };
  });
  thread.on('exit', (code) => {
    if (uncaught === undefined)
      return broken(
        `it ended too early: it ends its process (exit code ${code}), or awaits something that never comes`,
      );
    const { error } = uncaught;
    broken(`a promise that nobody awaits, or a callback, failed: ${messageOf(error)}`, error);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(silence);
  }
}
