import { constants } from 'node:os';
import { Command, CommanderError } from 'commander';
import { ConfigError, readSettings } from '../config/env.ts';
import { createLogger } from '../runtime/logger.ts';
import { TriggerFileError } from '../watcher/triggers/file.ts';
import type { Register } from './command.ts';
import { addDeadLetters } from './commands/dead-letters.ts';
import { addMigrate } from './commands/migrate.ts';
import { addProcessor } from './commands/processor.ts';
import { addSimulateError } from './commands/simulate-error.ts';
import { addStatus } from './commands/status.ts';
import { addTriggers } from './commands/triggers.ts';
import { addWatcher } from './commands/watcher.ts';
import { readDotEnv } from './dot-env.ts';
import { addOptions, emptyOptions, furtherVariables, LOG_OPTIONS, variablesOf } from './options.ts';
import { packageVersion } from './version.ts';

const DONE = 0;
const FAILED = 1;
const WRONG_USAGE = 2;

/** Runs one command. @returns the exit code: 0 done, or finished what was in hand after a signal, 1 failed at run time, 2 wrong usage */
export async function runCommandLine(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  endAsFirstProcess();
  const version = packageVersion();
  const program = new Command('bec-alerts')
    .description(
      'Aggregates browser errors that Sentry forwards to SQS, judges them with triggers and emails people.',
    )
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText(
      'after',
      "\nAn option's variable stands in brackets behind it; the option beats the variable. A .env file in the\nworking directory is read first.",
    )
    .exitOverride();
  addOptions(program, LOG_OPTIONS);

  const register: Register = (command, schema, options, run) => {
    addOptions(command, options);
    command.addHelpText('after', () => furtherVariables(schema, options));
    command.exitOverride().action(async () => {
      readDotEnv(env);
      const variables = { ...env, ...variablesOf(program, LOG_OPTIONS), ...variablesOf(command, options) };
      const empty = [...emptyOptions(program, LOG_OPTIONS), ...emptyOptions(command, options)];
      const settings = readSettings(schema, variables, empty);
      const { LOG_FORMAT: format, LOG_LEVEL: level } = settings;
      await run(settings, {
        version,
        stopSignal,
        log: { format, level },
        logger: (name) => createLogger({ format, level, name }),
      });
    });
  };
  addProcessor(program, register);
  addWatcher(program, register);
  addTriggers(program, register);
  addDeadLetters(program, register);
  addMigrate(program, register);
  addSimulateError(program, register);
  addStatus(program, register);

  try {
    await program.parseAsync(argv);
    return DONE;
  } catch (error) {
    return exitCode(error);
  }
}

function exitCode(error: unknown): number {
  // Commander has printed its message already; its own code is 0 for --help and --version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE;
  const known = error instanceof ConfigError || error instanceof TriggerFileError;
  process.stderr.write(`bec-alerts: ${error instanceof Error ? error.message : String(error)}\n`);
  return known ? WRONG_USAGE : FAILED;
}

const STOPS = ['SIGTERM', 'SIGINT'] as const;

/** The first process of a container, which we are in the image, is ended by no signal that it doesn't handle. */
function endAsFirstProcess(): void {
  if (process.pid !== 1) return;
  for (const name of STOPS) {
    process.on(name, () => {
      if (process.listenerCount(name) === 1) process.exit(128 + constants.signals[name]);
    });
  }
}

/** SIGTERM and SIGINT ask to finish what is in hand; the second one, of either kind, ends the process at once, as without us. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    for (const one of STOPS) process.off(one, stop);
    controller.abort(new Error(`stopped by ${name}`));
  };
  for (const name of STOPS) process.on(name, stop);
  return controller.signal;
}
