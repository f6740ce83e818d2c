import type { TriggersSettings } from '../../config/env.ts';
import { plural } from '../../domain/text.ts';
import { checkTriggerFile } from '../../watcher/triggers/trial/check-file.ts';
import type { ListedTrigger } from '../../watcher/triggers/trial/check-protocol.ts';
import { listed } from '../../watcher/triggers/trial/check-protocol.ts';
import { configuredTriggers } from '../configured-triggers.ts';
import { aligned } from '../table.ts';

/** @throws TriggerFileError naming every mistake */
export async function listTriggers(
  settings: TriggersSettings,
  { json = false }: { json?: boolean },
): Promise<void> {
  const { TRIGGERS: file } = settings;
  const triggers =
    file === undefined
      ? (await configuredTriggers(settings)).map(listed)
      : await checkTriggerFile(file, process.stderr);
  process.stdout.write(json ? asJson(settings, triggers) : asTable(settings, triggers));
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
