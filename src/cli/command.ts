import type { Command } from 'commander';
import type { z } from 'zod';
import type { SettingsSchema } from '../config/env.ts';
import type { LogFormat, Logger, LogLevel } from '../runtime/logger.ts';
import type { OptionVariables } from './options.ts';

/** What a command is handed: everything that it may not look for itself. */
export interface CommandContext {
  readonly log: { readonly format: LogFormat; readonly level: LogLevel };
  readonly logger: (name: string) => Logger;
  /**
   * A signal that fires at SIGTERM and SIGINT. From the call on these no longer end the process themselves but the
   * second one does, so it is for who has something in hand, and not called before.
   */
  readonly stopSignal: () => AbortSignal;
  readonly version: string;
}

/** Takes a command's work with the settings that it needs; `options` says which options stand for which variables. */
export type Register = <T extends SettingsSchema>(
  command: Command,
  schema: T,
  options: readonly OptionVariables[],
  run: (settings: z.infer<T>, context: CommandContext) => Promise<void>,
) => void;
