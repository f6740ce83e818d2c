import type { Command } from 'commander';
import type { SilencesSettings } from '../../config/silences.ts';
import { silencesSettings } from '../../config/silences.ts';
import type { CommandContext, Register } from '../command.ts';
import { databaseConnection } from '../database-settings.ts';
import type { OptionVariables } from '../options.ts';

const OPTIONS: readonly OptionVariables[] = [
  { flags: '--json', variable: 'SILENCES_JSON', about: 'print JSON instead of a table' },
];

/** `silences`: lists the silences that hold. */
export function addSilences(program: Command, register: Register): void {
  register(
    program.command('silences').description('list what is silenced, until when, who silenced it, and why'),
    silencesSettings,
    OPTIONS,
    listSilences,
  );
}

async function listSilences(settings: SilencesSettings, context: CommandContext): Promise<void> {
  const { silencesNow } = await import('../../watcher/silences/silences-now.ts');
  const { silencesJson, silencesTable } = await import('./silences-text.ts');
  const { withDatabase } = await import('../database.ts');
  const { silencesDatabase } = await import('./silence-run.ts');
  const database = silencesDatabase(databaseConnection(settings), 'silences');
  const found = await withDatabase(database, context, silencesNow);
  const text = settings.SILENCES_JSON ? silencesJson(found) : silencesTable(found);
  process.stdout.write(`${text}\n`);
}
