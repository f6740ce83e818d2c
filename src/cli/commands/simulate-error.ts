import type { Command } from 'commander';
import { simulateSettings } from '../../config/env.ts';
import { proxiesOf } from '../../config/proxy.ts';
import type { Register } from '../command.ts';
import type { OptionVariables } from '../options.ts';

const OPTIONS: readonly OptionVariables[] = [
  {
    flags: '--dsn <dsn>',
    variable: 'SIMULATE_SENTRY_DSN',
    about: 'DSN of the Sentry project to send the error to',
    // The settings can do without, so that it isn't reported as a wrong configuration: the exit code is 1 and not 2.
    otherwise: 'required',
  },
  { flags: '--message <text>', variable: 'SIMULATE_MESSAGE', about: 'message of the error' },
  {
    flags: '--no-traceback',
    variable: 'SIMULATE_NO_TRACEBACK',
    about: 'send a message without an exception and its stack trace',
  },
];

export function addSimulateError(program: Command, register: Register): void {
  register(
    program
      .command('simulate_error')
      .description('raise an error and send it to Sentry, to test the whole way from Sentry to the email'),
    simulateSettings,
    OPTIONS,
    async (settings, { logger: loggerOf, version }) => {
      if (settings.SIMULATE_SENTRY_DSN === undefined) {
        throw new Error(
          "no DSN to send to: set SIMULATE_SENTRY_DSN or use --dsn (Sentry shows the DSN in the project's settings)",
        );
      }
      const { sendSimulatedError } = await import('../../runtime/simulate.ts');
      const id = await sendSimulatedError(settings.SIMULATE_SENTRY_DSN, settings.SIMULATE_MESSAGE, {
        traceback: !settings.SIMULATE_NO_TRACEBACK,
        release: version,
        proxies: proxiesOf(settings),
      });
      loggerOf('simulate_error').info('sent an error to Sentry', {
        event: id,
        message: settings.SIMULATE_MESSAGE,
      });
    },
  );
}
