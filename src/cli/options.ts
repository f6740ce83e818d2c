import type { Command } from 'commander';
import { Option } from 'commander';
import type { z } from 'zod';
import type { SettingsSchema } from '../config/env.ts';
import type { ConfigMistake, Variables } from '../config/variables.ts';
import { columnsOf, wrapped } from './columns.ts';

/** A command-line option and the variable that it overrides. */
export interface OptionVariables {
  /**
   * In commander's notation, such as `--queue-name <name>`. An option without an argument sets its variable to True.
   */
  readonly flags: string;
  readonly variable: string;
  /** The option's effect, for the help. */
  readonly about: string;
  /** For the help, if the schema has no fixed default: the value or effect without the option. */
  readonly otherwise?: string;
}

/**
 * Adds options without defaults. The settings' schema has those, for variables too, and the help shows them from there.
 */
export function addOptions(
  command: Command,
  options: readonly OptionVariables[],
  schema: SettingsSchema,
): void {
  for (const { flags, variable, about, otherwise } of options) {
    const absent = otherwise ?? shownDefault(schema, variable);
    command.addOption(new Option(flags, `${about} (${variable}${absent === null ? '' : `; ${absent}`})`));
  }
}

/** Null where the default is nothing or False, which needs no words. */
function shownDefault(schema: SettingsSchema, variable: string): string | null {
  const shape: Readonly<Record<string, z.ZodType>> = schema.shape;
  const type = shape[variable];
  if (type === undefined) throw new Error(`the command's settings have no variable ${variable}`);
  const result = type.safeParse(undefined);
  if (!result.success) return 'required';
  if (typeof result.data === 'number') return `default ${result.data}`;
  if (typeof result.data !== 'string') return null;
  return `default ${result.data.includes(' ') ? `"${result.data}"` : result.data}`;
}

/** The values of the given options, by variable. */
export function variablesOf(command: Command, options: readonly OptionVariables[]): Variables {
  const given: Record<string, unknown> = command.opts();
  const variables: Record<string, string> = {};
  for (const { flags, variable } of options) {
    const value = given[new Option(flags).attributeName()];
    // `--no-traceback` is commander's negation: the value `traceback` is true unless the option is given.
    const negated = flags.startsWith('--no-');
    if (typeof value === 'string') variables[variable] = value;
    else if (value === !negated) variables[variable] = 'True';
  }
  return variables;
}

/** Adds a paragraph below a command's help, wrapped as the help is. */
export function addHelpParagraph(command: Command, text: () => string): void {
  command.addHelpText('after', ({ error }) => {
    const paragraph = wrapped(text(), columnsOf(error ? process.stderr : process.stdout));
    return paragraph === '' ? '' : `\n${paragraph}`;
  });
}

/** For a command's help: the variables that must be set, and those that no option sets. */
export function furtherVariables(schema: SettingsSchema, options: readonly OptionVariables[]): string {
  const set = [...LOG_OPTIONS, ...options].map(({ variable }) => variable);
  const required = Object.entries(schema.shape)
    .filter(([, type]) => !type.safeParse(undefined).success)
    .map(([name]) => name);
  const others = Object.keys(schema.shape).filter((name) => !set.includes(name) && !required.includes(name));
  const lines = [];
  if (required.length > 0) lines.push(`Required variables: ${required.join(', ')}`);
  if (others.length > 0) lines.push(`Variables without an option: ${others.join(', ')}`);
  return lines.join('\n');
}

/**
 * Options given with an empty value. Unlike an empty variable, an empty option is a mistake: ignoring an empty
 * `--reason` would widen what the command does.
 */
export function emptyOptions(command: Command, options: readonly OptionVariables[]): ConfigMistake[] {
  const given: Record<string, unknown> = command.opts();
  return options
    .map(({ flags }) => new Option(flags))
    .filter((option) => {
      const value = given[option.attributeName()];
      return typeof value === 'string' && value.trim() === '';
    })
    .map((option) => ({ variable: option.long ?? option.flags, problem: 'is empty' }));
}

/** Options of every command. */
export const LOG_OPTIONS: readonly OptionVariables[] = [
  {
    flags: '--log-format <format>',
    variable: 'LOG_FORMAT',
    about: 'format of the log: mozlog for JSON lines, compose for text',
  },
  {
    flags: '--log-level <level>',
    variable: 'LOG_LEVEL',
    about: 'lowest level to log: CRITICAL, ERROR, WARNING, INFO or DEBUG',
  },
];

/** Options of every command that talks to AWS. */
export const AWS_OPTIONS: readonly OptionVariables[] = [
  {
    flags: '--connect-timeout <seconds>',
    variable: 'AWS_CONNECT_TIMEOUT',
    about: 'seconds to wait for a connection to AWS',
  },
  {
    flags: '--read-timeout <seconds>',
    variable: 'AWS_READ_TIMEOUT',
    about: 'seconds to wait for AWS to answer',
  },
];

export const LOCAL_SQS_OPTION: OptionVariables = {
  flags: '--endpoint-url <url>',
  variable: 'SQS_ENDPOINT_URL',
  about: 'URL of a local SQS to use instead of AWS',
};

export const TRIGGERS_OPTION: OptionVariables = {
  flags: '--triggers <file>',
  variable: 'TRIGGERS',
  about: 'trigger file to use instead of the built-in triggers',
};

/** Options of both daemons. */
export const DAEMON_OPTIONS: readonly OptionVariables[] = [
  ...AWS_OPTIONS,
  {
    flags: '--sentry-dsn <dsn>',
    variable: 'SENTRY_DSN',
    about: "Sentry DSN to report bec-alerts' own errors to; without it they are only logged",
  },
];
