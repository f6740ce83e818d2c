import type { Command } from 'commander';
import { statusSettings } from '../../config/env.ts';
import type { Register } from '../command.ts';
import type { OptionVariables } from '../options.ts';
import { AWS_OPTIONS, LOCAL_SQS_OPTION } from '../options.ts';

const OPTIONS: readonly OptionVariables[] = [
  { flags: '--json', variable: 'STATUS_JSON', about: 'print JSON instead of a table' },
  {
    flags: '--queue-name <name>',
    variable: 'SQS_QUEUE_NAME',
    about: 'name of the queue that Sentry forwards events to',
  },
  { flags: '--queue-url <url>', variable: 'SQS_QUEUE_URL', about: 'URL of that queue, instead of its name' },
  {
    flags: '--dead-letter-queue-name <name>',
    variable: 'SQS_DEAD_LETTER_QUEUE_NAME',
    about: 'name of the dead-letter queue',
    otherwise: "default: the queue's name with _dead_letters",
  },
  LOCAL_SQS_OPTION,
  ...AWS_OPTIONS,
];

export function addStatus(program: Command, register: Register): void {
  register(
    program
      .command('status')
      .description('show the state of queues, runs, alerts and tables; exit 1 if something is overdue'),
    statusSettings,
    OPTIONS,
    async (settings, context) => {
      const { showStatus } = await import('./status-run.ts');
      await showStatus(settings, context);
    },
  );
}
