import type { Command } from 'commander';
import type { TriggersSettings } from '../../config/env.ts';
import { triggersSettings } from '../../config/env.ts';
import { plural } from '../../domain/text.ts';
import { loadConfigured } from '../../watcher/triggers/configured.ts';
import type { LoadedTrigger } from '../../watcher/triggers/load.ts';
import { checkTriggerFile } from '../../watcher/triggers/trial/check-file.ts';
import type { ListedTrigger } from '../../watcher/triggers/trial/check-protocol.ts';
import { listed } from '../../watcher/triggers/trial/check-protocol.ts';
import type { Register } from '../command.ts';
import type { OptionVariables } from '../options.ts';
import { aligned } from '../table.ts';

export const TRIGGERS_OPTION: OptionVariables = {
  flags: '--triggers <file>',
  variable: 'TRIGGERS',
  about: 'trigger file to use instead of the built-in triggers',
};

/** `triggers`: lists the triggers that the watcher would use, and checks a trigger file. */
export function addTriggers(program: Command, register: Register): void {
  const command = program
    .command('triggers')
    .description('list the triggers with their recipients, and try those of a trigger file on made-up issues')
    .option('--json', 'print JSON instead of a table');
  register(command, triggersSettings, [TRIGGERS_OPTION], async (settings) => {
    const { TRIGGERS: file } = settings;
    const triggers =
      file === undefined
        ? (await configuredTriggers(settings)).map(listed)
        : await checkTriggerFile(file, process.stderr);
    const { json = false } = command.opts<{ json?: boolean }>();
    process.stdout.write(json ? asJson(settings, triggers) : asTable(settings, triggers));
  });
}

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

function asJson({ TRIGGERS: file }: TriggersSettings, triggers: readonly ListedTrigger[]) {
  const list = triggers.map(({ name, enabled, emails, templateName: template, html }) => ({
    name,
    enabled,
    emails,
    template,
    html,
  }));
  return `${JSON.stringify({ file: file ?? null, triggers: list }, null, 2)}\n`;
}

function asTable({ TRIGGERS: file }: TriggersSettings, triggers: readonly ListedTrigger[]): string {
  const rows = [
    ['TRIGGER', 'ENABLED', 'TEMPLATE', 'RECIPIENTS'],
    ...triggers.flatMap((trigger) => rowsOf(trigger, file)),
  ];
  const enabled = triggers.filter((trigger) => trigger.enabled).length;
  const source = file === undefined ? 'built in; --triggers FILE uses others' : `from ${file}`;
  return `${aligned(rows).join('\n')}\n\n${plural(triggers.length, 'trigger')}, ${enabled} enabled (${source})\n`;
}

/** The recipients of a trigger without any. @param file undefined for the built-in triggers */
export function nobody(file: string | undefined): string {
  return file === undefined ? 'nobody: set ALERT_EMAILS' : 'nobody';
}

/** Each further recipient has a line of its own. */
function rowsOf(
  { name, emails, enabled, templateName, html }: ListedTrigger,
  file: string | undefined,
): string[][] {
  const [first = nobody(file), ...more] = emails;
  const kinds = html ? 'text, HTML' : 'text';
  return [
    [name, enabled ? 'yes' : 'no', `${templateName} (${kinds})`, first],
    ...more.map((email) => ['', '', '', email]),
  ];
}
