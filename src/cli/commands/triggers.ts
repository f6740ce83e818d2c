import type { Command } from 'commander';
import type { TriggersSettings } from '../../config/env.ts';
import { isEmail, triggersSettings } from '../../config/env.ts';
import { plural } from '../../domain/text.ts';
import { builtInTriggers } from '../../triggers/index.ts';
import { importTriggers } from '../../watcher/triggers/file.ts';
import type { LoadedTrigger } from '../../watcher/triggers/load.ts';
import { loadTriggers, templateDirectory } from '../../watcher/triggers/load.ts';
import type { Register } from '../command.ts';
import type { OptionVariables } from '../options.ts';
import { aligned } from '../table.ts';

export const TRIGGERS_OPTION: OptionVariables = {
  flags: '--triggers <file>',
  variable: 'TRIGGERS',
  about: 'trigger file to use instead of the built-in triggers',
};

/** `triggers`: what the watcher would judge with, and whether a trigger file is right. */
export function addTriggers(program: Command, register: Register): void {
  const command = program
    .command('triggers')
    .description('list the triggers with whom they tell; loads and checks a trigger file, and judges nothing')
    .option('--json', 'print JSON instead of a table');
  register(command, triggersSettings, [TRIGGERS_OPTION], async (settings) => {
    const triggers = await configuredTriggers(settings);
    const { json = false } = command.opts<{ json?: boolean }>();
    process.stdout.write(json ? asJson(settings, triggers) : asTable(settings, triggers));
  });
}

/**
 * The triggers of `TRIGGERS`, or the built-in ones, disabled ones included.
 * @throws TriggerFileError naming every mistake
 */
export async function configuredTriggers(settings: TriggersSettings): Promise<LoadedTrigger[]> {
  const file = settings.TRIGGERS;
  if (file === undefined) {
    return await loadTriggers(builtInTriggers(settings.ALERT_EMAILS), 'the built-in triggers', null, isEmail);
  }
  return await withoutStdout(async () =>
    loadTriggers(await importTriggers(file), file, templateDirectory(file), isEmail),
  );
}

/** What is printed meanwhile goes to standard error: a trigger file's words stand in no JSON and no log. */
async function withoutStdout<T>(work: () => Promise<T>): Promise<T> {
  const { stdout, stderr } = process;
  const write = stdout.write;
  stdout.write = stderr.write.bind(stderr);
  try {
    return await work();
  } finally {
    stdout.write = write;
  }
}

function asJson({ TRIGGERS: file }: TriggersSettings, triggers: readonly LoadedTrigger[]) {
  const list = triggers.map(({ trigger, enabled, templateName, template }) => ({
    name: trigger.name,
    enabled,
    emails: trigger.emails,
    template: templateName,
    html: template.html,
  }));
  return `${JSON.stringify({ file: file ?? null, triggers: list }, null, 2)}\n`;
}

function asTable({ TRIGGERS: file }: TriggersSettings, triggers: readonly LoadedTrigger[]): string {
  const rows = [
    ['TRIGGER', 'ENABLED', 'TEMPLATE', 'TELLS'],
    ...triggers.flatMap((loaded) => rowsOf(loaded, file)),
  ];
  const enabled = triggers.filter((loaded) => loaded.enabled).length;
  const source = file === undefined ? 'built in; --triggers FILE uses others' : `from ${file}`;
  return `${aligned(rows).join('\n')}\n\n${plural(triggers.length, 'trigger')}, ${enabled} enabled (${source})\n`;
}

/** Each further recipient has a line of its own. */
function rowsOf(
  { trigger, enabled, templateName, template }: LoadedTrigger,
  file: string | undefined,
): string[][] {
  const nobody = file === undefined ? 'nobody: set ALERT_EMAILS' : 'nobody';
  const [first = nobody, ...more] = trigger.emails;
  const kinds = template.html ? 'text, HTML' : 'text';
  return [
    [trigger.name, enabled ? 'yes' : 'no', `${templateName} (${kinds})`, first],
    ...more.map((email) => ['', '', '', email]),
  ];
}
