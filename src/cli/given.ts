import type { Command } from 'commander';
import { Option } from 'commander';
import { fileVariable } from '../config/secret-files.ts';
import type { ConfigMistake, Variables } from '../config/variables.ts';
import type { DotEnv } from './dot-env.ts';
import { readDotEnv } from './dot-env.ts';
import type { OptionVariables } from './options.ts';
import { emptyOptions, LOG_OPTIONS, variablesOf } from './options.ts';

/** The variables that a command gets, before they are checked. */
export interface Given {
  readonly variables: Variables;
  /** The option's long name, `.env` or `environment`; null for a variable that isn't set. */
  readonly sourceOf: (variable: string) => string | null;
  readonly dotEnv: DotEnv;
  readonly mistakes: readonly ConfigMistake[];
}

/**
 * Reads the `.env` file, the environment and the options: each of them overrides the ones before it.
 * @throws ConfigError if the `.env` file can't be read
 */
export function readGiven(
  env: NodeJS.ProcessEnv,
  program: Command,
  command: Command,
  options: readonly OptionVariables[],
): Given {
  const commands = [
    { command: program, options: LOG_OPTIONS },
    { command, options },
  ];
  const dotEnv = readDotEnv(env);
  const variables: Record<string, string | undefined> = { ...env };
  const byOption = new Map<string, string>();
  for (const { command, options } of commands) {
    const given = variablesOf(command, options);
    Object.assign(variables, given);
    // An option also overrides the file that could have its value.
    for (const variable of Object.keys(given)) delete variables[fileVariable(variable)];
    for (const { flags, variable } of options) {
      if (given[variable] !== undefined) byOption.set(variable, new Option(flags).long ?? flags);
    }
  }
  return {
    variables,
    sourceOf: (variable) => {
      if (variables[variable] === undefined) return null;
      return byOption.get(variable) ?? (dotEnv.set.has(variable) ? '.env' : 'environment');
    },
    dotEnv,
    mistakes: [
      ...dotEnv.mistakes,
      ...commands.flatMap(({ command, options }) => emptyOptions(command, options)),
    ],
  };
}
