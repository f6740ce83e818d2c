import type { Command } from 'commander';
import { processorSettings } from '../../config/env.ts';
import type { Register } from '../command.ts';
import type { OptionVariables } from '../options.ts';
import { DAEMON_OPTIONS, LOCAL_SQS_OPTION } from '../options.ts';

const OPTIONS: readonly OptionVariables[] = [
  {
    flags: '--queue-name <name>',
    variable: 'SQS_QUEUE_NAME',
    about: 'name of the queue that Sentry forwards events to; created if missing',
  },
  {
    flags: '--queue-url <url>',
    variable: 'SQS_QUEUE_URL',
    about: 'URL of that queue; it is used as it is, neither looked up by its name nor created',
  },
  {
    flags: '--dead-letter-queue-name <name>',
    variable: 'SQS_DEAD_LETTER_QUEUE_NAME',
    about: 'name of the queue for messages that cannot be events; created if missing',
    otherwise: "default: the queue's name with _dead_letters",
  },
  LOCAL_SQS_OPTION,
  {
    flags: '--process-count <count>',
    variable: 'PROCESSOR_PROCESS_COUNT',
    about: 'number of worker processes',
    otherwise: 'default: one for each CPU',
  },
  {
    flags: '--worker-message-count <count>',
    variable: 'PROCESSOR_WORKER_MESSAGE_COUNT',
    about: 'number of messages after which a worker is replaced',
  },
  {
    flags: '--sleep-delay <seconds>',
    variable: 'PROCESSOR_SLEEP_DELAY',
    about: 'seconds that a poll of an empty queue waits for a message',
  },
  ...DAEMON_OPTIONS,
];

export function addProcessor(program: Command, register: Register): void {
  register(
    program
      .command('processor')
      .description('read events from the queue and count them in Postgres, with a pool of worker processes'),
    processorSettings,
    OPTIONS,
    async (settings, context) => {
      const { runProcessor } = await import('./processor-run.ts');
      await runProcessor(settings, context);
    },
  );
}
