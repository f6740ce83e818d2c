import type { Command } from 'commander';
import type { SettingsSchema } from '../../config/env.ts';
import type { Configurable } from '../command.ts';
import type { Given } from '../given.ts';
import type { OptionVariables } from '../options.ts';
import { addHelpParagraph, addOptions } from '../options.ts';

export type ReadGiven = (command: Command, options: readonly OptionVariables[]) => Given;

/** `config`: the settings of all commands. `config COMMAND`: those of one, with the options of that command. */
export function addConfig(program: Command, configurable: readonly Configurable[], given: ReadGiven): void {
  const commands = [...new Map(configurable.map((one) => [one.name, one])).values()];
  const shape = Object.assign({}, ...commands.map(({ schema }) => schema.shape)) as SettingsSchema['shape'];
  const known = Object.keys(shape);
  const config = withJson(program.command('config')).description(
    'show which values are in effect, where each comes from, and which ones are wrong',
  );
  addHelpParagraph(
    config,
    () => 'It connects to nothing, and hides secrets. If a value is wrong, the exit code is 2.',
  );
  config.allowExcessArguments().action(async () => {
    const [unknown] = config.args;
    if (unknown !== undefined) config.error(`error: unknown command '${unknown}'`);
    const { showConfig } = await import('./config-run.ts');
    showConfig(config, { name: 'all commands', shape, commands }, given(config, []), known);
  });
  for (const one of commands) {
    // Here `--json` means the output of `config`.
    const options = one.options.filter(({ flags }) => flags !== '--json');
    const command = withJson(config.command(one.name)).description(
      `of ${one.name}, with the options that you add`,
    );
    addOptions(command, options, one.schema);
    const shown = { name: one.name, shape: one.schema.shape, commands: [one] };
    command.action(async () => {
      const { showConfig } = await import('./config-run.ts');
      showConfig(command, shown, given(command, options), known);
    });
  }
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON instead of text');
}
