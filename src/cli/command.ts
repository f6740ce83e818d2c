import type { Command } from 'commander';
import type { z } from 'zod';
import type { SettingsSchema } from '../config/env.ts';
import type { LogFormat, Logger, LogLevel } from '../runtime/logger.ts';
import type { OptionVariables } from './options.ts';

/** A command with settings. */
export interface Configurable {
  readonly name: string;
  readonly schema: SettingsSchema;
  readonly options: readonly OptionVariables[];
}

/** The services of the command line that a command may use. A command itself reads no signal and no environment. */
export interface CommandContext {
  readonly log: { readonly format: LogFormat; readonly level: LogLevel };
  readonly logger: (name: string) => Logger;
  /**
   * Returns a signal that fires at SIGTERM and SIGINT. After this call the first of them doesn't end the process; a
   * second one does. So a command calls this only when it has work in progress that it must finish.
   */
  readonly stopSignal: () => AbortSignal;
  readonly version: string;
}

/**
 * Registers a command. `run` gets the settings that `schema` reads from the variables; `options` are the command-line
 * options that override variables. `args` are the command's arguments in their order, such as an issue's id.
 */
export type Register = <T extends SettingsSchema>(
  command: Command,
  schema: T,
  options: readonly OptionVariables[],
  run: (settings: z.infer<T>, context: CommandContext, args: readonly string[]) => Promise<void>,
) => void;
