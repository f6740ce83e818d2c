import type { Command } from 'commander';
import type { ConfigMistake, SettingsSchema } from '../../config/env.ts';
import { ConfigError, readSettings } from '../../config/env.ts';
import { columnsOf } from '../columns.ts';
import type { Given } from '../given.ts';
import type { OptionVariables } from '../options.ts';
import { addHelpParagraph, addOptions } from '../options.ts';
import { awsCredentials, clientsOf } from './config-clients.ts';
import { notesOn } from './config-notes.ts';
import { configJson, configText } from './config-text.ts';
import { effectiveVariables } from './config-values.ts';

/** A command with settings. */
export interface Configurable {
  readonly name: string;
  readonly schema: SettingsSchema;
  readonly options: readonly OptionVariables[];
}

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
  config.allowExcessArguments().action(() => {
    const [unknown] = config.args;
    if (unknown !== undefined) config.error(`error: unknown command '${unknown}'`);
    show(config, { name: 'all commands', shape, commands }, given(config, []), known);
  });
  for (const one of commands) {
    // Here `--json` means the output of `config`.
    const options = one.options.filter(({ flags }) => flags !== '--json');
    const command = withJson(config.command(one.name)).description(
      `of ${one.name}, with the options that you add`,
    );
    addOptions(command, options, one.schema);
    const shown = { name: one.name, shape: one.schema.shape, commands: [one] };
    command.action(() => show(command, shown, given(command, options), known));
  }
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON instead of text');
}

interface Shown {
  readonly name: string;
  readonly shape: SettingsSchema['shape'];
  readonly commands: readonly Configurable[];
}

/** @throws ConfigError with every mistake, after all values were printed */
function show(
  command: Command,
  { name, shape, commands }: Shown,
  given: Given,
  known: readonly string[],
): void {
  const mistakes = mistakesOf(commands, given);
  const options = commands.flatMap((one) => one.options);
  const variables = effectiveVariables(shape, given, options, mistakes);
  const config = {
    name,
    dotEnv: given.dotEnv.path,
    variables,
    clients: clientsOf(variables),
    awsCredentials: 'AWS_DEFAULT_REGION' in shape ? awsCredentials(given) : null,
    notes: notesOn(given, known),
    mistakes,
  };
  // Also for `config --json COMMAND`.
  const { json = false } = command.optsWithGlobals<{ json?: boolean }>();
  process.stdout.write(`${json ? configJson(config) : configText(config, columnsOf(process.stdout))}\n`);
  if (mistakes.length > 0) throw new ConfigError(mistakes);
}

/** Each mistake once. Options that a single call lacks, such as the time of a silence, are not configuration. */
function mistakesOf(commands: readonly Configurable[], { variables, mistakes }: Given): ConfigMistake[] {
  const found = commands
    .flatMap(({ schema }) => mistakesIn(() => readSettings(schema, variables)))
    .filter(({ variable }) => !variable.startsWith('--'));
  return [...new Map([...mistakes, ...found].map((one) => [`${one.variable} ${one.problem}`, one])).values()];
}

function mistakesIn(read: () => unknown): readonly ConfigMistake[] {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
}
