import type { Command } from 'commander';
import { Option } from 'commander';
import type { ConfigMistake, SettingsSchema, Variables } from '../config/env.ts';

/** An option of the command line and the variable that it beats. */
export interface OptionVariables {
  /** As commander takes it, such as `--queue-name <name>`; without an argument it sets the variable to True. */
  readonly flags: string;
  readonly variable: string;
  readonly about: string;
}

/** Options are declared without defaults: those belong to the settings' schema, where the variables get them too. */
export function addOptions(command: Command, options: readonly OptionVariables[]): void {
  for (const { flags, variable, about } of options) {
    command.addOption(new Option(flags, `${about} (${variable})`));
  }
}

/** The options that were given, by their variables. */
export function variablesOf(command: Command, options: readonly OptionVariables[]): Variables {
  const given: Record<string, unknown> = command.opts();
  const variables: Record<string, string> = {};
  for (const { flags, variable } of options) {
    const value = given[new Option(flags).attributeName()];
    // `--no-traceback` is commander's negation: the option `traceback` is true unless the flag is there.
    const negated = flags.startsWith('--no-');
    if (typeof value === 'string') variables[variable] = value;
    else if (value === !negated) variables[variable] = 'True';
  }
  return variables;
}

/** For a command's help: what must be set, and what no option sets. */
export function furtherVariables(schema: SettingsSchema, options: readonly OptionVariables[]): string {
  const set = [...LOG_OPTIONS, ...options].map(({ variable }) => variable);
  const required = Object.entries(schema.shape)
    .filter(([, type]) => !type.safeParse(undefined).success)
    .map(([name]) => name);
  const others = Object.keys(schema.shape).filter((name) => !set.includes(name) && !required.includes(name));
  const lines = [];
  if (required.length > 0) lines.push(`Required: ${required.join(', ')}`);
  if (others.length > 0) lines.push(`Variables without an option: ${others.join(', ')}`);
  return lines.map((line) => `\n${line}`).join('');
}

/** Only a variable may be set to nothing: an option that says nothing would widen what the command does. */
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

export const LOG_OPTIONS: readonly OptionVariables[] = [
  { flags: '--log-format <format>', variable: 'LOG_FORMAT', about: 'mozlog or compose' },
  { flags: '--log-level <level>', variable: 'LOG_LEVEL', about: 'CRITICAL, ERROR, WARNING, INFO or DEBUG' },
];

/** Of every command that talks to AWS. */
export const AWS_OPTIONS: readonly OptionVariables[] = [
  { flags: '--connect-timeout <seconds>', variable: 'AWS_CONNECT_TIMEOUT', about: 'for connecting to AWS' },
  { flags: '--read-timeout <seconds>', variable: 'AWS_READ_TIMEOUT', about: "for AWS's answers" },
];

/** Of both daemons. */
export const DAEMON_OPTIONS: readonly OptionVariables[] = [
  ...AWS_OPTIONS,
  { flags: '--sentry-dsn <dsn>', variable: 'SENTRY_DSN', about: 'where our own errors are reported' },
];
