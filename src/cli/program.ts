import { constants } from 'node:os';
import { Command, CommanderError } from 'commander';
import { ConfigError, logSettings, readSettings } from '../config/env.ts';
import { LoggedError } from '../runtime/errors.ts';
import { createLogger } from '../runtime/logger.ts';
import { TriggerFileError } from '../watcher/triggers/file.ts';
import { columnsOf, wrapped } from './columns.ts';
import type { Configurable, Register } from './command.ts';
import { addBacktest } from './commands/backtest.ts';
import type { ReadGiven } from './commands/config.ts';
import { addConfig } from './commands/config.ts';
import { addDeadLetters } from './commands/dead-letters.ts';
import { addExplain } from './commands/explain.ts';
import { addMigrate } from './commands/migrate.ts';
import { addProcessor } from './commands/processor.ts';
import { addSilence } from './commands/silence.ts';
import { addSilences } from './commands/silences.ts';
import { addSimulateError } from './commands/simulate-error.ts';
import { addStatus } from './commands/status.ts';
import { addTriggers } from './commands/triggers.ts';
import { addWatcher } from './commands/watcher.ts';
import { readGiven } from './given.ts';
import { addHelpParagraph, addOptions, furtherVariables, LOG_OPTIONS } from './options.ts';
import { packageVersion } from './version.ts';

const DONE = 0;
const FAILED = 1;
const WRONG_USAGE = 2;

/**
 * Columns of the help's right side below which commander doesn't wrap it; its default of 40 leaves narrow terminals
 * out.
 */
const NARROWEST_COLUMN = 20;

/**
 * Runs one command.
 * @returns the exit code: 0 done, or stopped by a signal after finishing its work; 1 failed at run time; 2 wrong
 *   usage
 */
export async function runCommandLine(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  endAsFirstProcess();
  const version = packageVersion();
  const program = new Command('bec-alerts')
    .description(
      'Counts the browser errors that Sentry forwards to SQS, evaluates triggers on them, and emails alerts.',
    )
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError('(--help lists the commands and options)')
    .configureOutput({
      getOutHelpWidth: () => columnsOf(process.stdout),
      getErrHelpWidth: () => columnsOf(process.stderr),
    })
    .configureHelp({ minWidthToWrap: NARROWEST_COLUMN })
    .exitOverride();
  addOptions(program, LOG_OPTIONS, logSettings);
  addHelpParagraph(
    program,
    () =>
      'Each option can also be set by the variable in brackets after it; the option overrides the variable.\n' +
      'A .env file in the working directory is read first.',
  );

  // If a person reads the log, an error that was logged is not printed a second time.
  let logIsForPeople = false;
  const configurable: Configurable[] = [];
  const given: ReadGiven = (command, options) => readGiven(env, program, command, options);
  const register: Register = (command, schema, options, run) => {
    configurable.push({ name: command.name(), schema, options });
    addOptions(command, options, schema);
    addHelpParagraph(command, () => furtherVariables(schema, options));
    command.exitOverride().action(async () => {
      const { variables, mistakes } = given(command, options);
      const settings = readSettings(schema, variables, mistakes);
      const { LOG_FORMAT: format, LOG_LEVEL: level } = settings;
      logIsForPeople = format === 'compose' && level !== 'CRITICAL';
      const context = {
        version,
        stopSignal,
        log: { format, level },
        logger: (name: string) => createLogger({ format, level, name }),
      };
      await run(settings, context, command.args);
    });
  };
  addProcessor(program, register);
  addWatcher(program, register);
  addTriggers(program, register);
  addExplain(program, register);
  addBacktest(program, register);
  addSilence(program, register);
  addSilences(program, register);
  addDeadLetters(program, register);
  addMigrate(program, register);
  addSimulateError(program, register);
  addStatus(program, register);
  addConfig(program, configurable, given);

  try {
    await program.parseAsync(argv);
    return DONE;
  } catch (error) {
    return exitCode(error, logIsForPeople);
  }
}

function exitCode(error: unknown, logIsForPeople: boolean): number {
  // Commander has printed its message already. Its code is 0 for --help and --version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE;
  if (logIsForPeople && error instanceof LoggedError) return FAILED;
  const known = error instanceof ConfigError || error instanceof TriggerFileError;
  process.stderr.write(
    `${shownError(`bec-alerts: ${error instanceof Error ? error.message : String(error)}`)}\n`,
  );
  return known ? WRONG_USAGE : FAILED;
}

/** Wrapped between words on a terminal. Logs and scripts get each line whole, to search in. */
function shownError(text: string): string {
  if (!process.stderr.isTTY) return text;
  return text
    .split('\n')
    .map((line) => wrapped(line, columnsOf(process.stderr), 4))
    .join('\n');
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Lets signals end this process where it is the first one of a container, as in our image. Linux sends such a process
 * no signal that it doesn't handle.
 */
function endAsFirstProcess(): void {
  if (process.pid !== 1) return;
  for (const name of STOP_SIGNALS) {
    process.on(name, () => {
      if (process.listenerCount(name) === 1) process.exit(128 + constants.signals[name]);
    });
  }
}

/**
 * Fires at the first SIGTERM or SIGINT, so that a command can finish its work in progress. The second one ends the
 * process.
 */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    for (const one of STOP_SIGNALS) process.off(one, stop);
    controller.abort(new Error(`stopped by ${name}`));
  };
  for (const name of STOP_SIGNALS) process.on(name, stop);
  return controller.signal;
}
