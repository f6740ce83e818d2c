import { isEmail } from '../../config/is-email.ts';
import { builtInTriggers } from '../../triggers/index.ts';
import { importTriggers } from './file.ts';
import type { LoadedTrigger } from './load.ts';
import { loadTriggers, templateDirectory } from './load.ts';

export interface ConfiguredTriggers {
  /** `TRIGGERS`; undefined for the built-in triggers. */
  readonly file: string | undefined;
  /** `ALERT_EMAILS`: recipients of the built-in triggers. */
  readonly alertEmails: readonly string[];
}

/**
 * The triggers of `TRIGGERS`, or the built-in ones, disabled ones included.
 * @throws TriggerFileError naming every mistake
 */
export async function loadConfigured({ file, alertEmails }: ConfiguredTriggers): Promise<LoadedTrigger[]> {
  return file === undefined
    ? await loadTriggers(builtInTriggers(alertEmails), 'the built-in triggers', null, isEmail)
    : await loadTriggers(await importTriggers(file), file, templateDirectory(file), isEmail);
}
