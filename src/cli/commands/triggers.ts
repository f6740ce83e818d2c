import type { Command } from 'commander';
import { triggersSettings } from '../../config/env.ts';
import type { Register } from '../command.ts';
import { TRIGGERS_OPTION } from '../options.ts';

/** `triggers`: lists the triggers that the watcher would use, and checks a trigger file. */
export function addTriggers(program: Command, register: Register): void {
  const command = program
    .command('triggers')
    .description('list the triggers with their recipients, and try those of a trigger file on made-up issues')
    .option('--json', 'print JSON instead of a table');
  register(command, triggersSettings, [TRIGGERS_OPTION], async (settings) => {
    const { listTriggers } = await import('./triggers-run.ts');
    await listTriggers(settings, command.opts<{ json?: boolean }>());
  });
}
