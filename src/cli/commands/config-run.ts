import type { Command } from 'commander';
import type { SettingsSchema } from '../../config/env.ts';
import { ConfigError, isSet, readSettings } from '../../config/env.ts';
import { fileVariable, readSecretFiles } from '../../config/secret-files.ts';
import type { ConfigMistake } from '../../config/variables.ts';
import { columnsOf } from '../columns.ts';
import type { Configurable } from '../command.ts';
import type { Given } from '../given.ts';
import { awsCredentials, clientsOf } from './config-clients.ts';
import { notesOn } from './config-notes.ts';
import { configJson, configText } from './config-text.ts';
import { effectiveVariables } from './config-values.ts';

/** The settings to show, of one command or of all. */
export interface Shown {
  readonly name: string;
  readonly shape: SettingsSchema['shape'];
  readonly commands: readonly Configurable[];
}

/** @throws ConfigError with every mistake, after all values were printed */
export function showConfig(
  command: Command,
  { name, shape, commands }: Shown,
  given: Given,
  known: readonly string[],
): void {
  const mistakes = mistakesOf(commands, given);
  const options = commands.flatMap((one) => one.options);
  const variables = effectiveVariables(shape, withFiles(given, Object.keys(shape)), options, mistakes);
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

/** With the values that files have. The source of such a value is the variable that names its file. */
function withFiles(given: Given, names: readonly string[]): Given {
  const set = names.filter((name) => isSet(name, given.variables[name]));
  const { values } = readSecretFiles(Object.fromEntries(set.map((name) => [name, given.variables[name]])));
  return {
    ...given,
    variables: { ...given.variables, ...values },
    sourceOf: (name) => (values[name] === undefined ? given.sourceOf(name) : fileVariable(name)),
  };
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
