import type { TriggersSettings } from '../config/env.ts';
import { loadConfigured } from '../watcher/triggers/configured.ts';
import type { LoadedTrigger } from '../watcher/triggers/load.ts';

/**
 * The triggers of `TRIGGERS`, or the built-in ones, disabled ones included.
 * @throws TriggerFileError naming every mistake
 */
export async function configuredTriggers(settings: TriggersSettings): Promise<LoadedTrigger[]> {
  const configured = { file: settings.TRIGGERS, alertEmails: settings.ALERT_EMAILS };
  return await withoutStdout(() => loadConfigured(configured));
}

/** Sends output of the trigger file to standard error, so that it is never part of the JSON or the log. */
export async function withoutStdout<T>(work: () => Promise<T>): Promise<T> {
  const { stdout, stderr } = process;
  const write = stdout.write;
  stdout.write = stderr.write.bind(stderr);
  try {
    return await work();
  } finally {
    stdout.write = write;
  }
}
