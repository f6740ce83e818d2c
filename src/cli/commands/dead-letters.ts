import type { Command } from 'commander';
import type { DeadLettersSettings } from '../../config/env.ts';
import { ConfigError, deadLettersSettings } from '../../config/env.ts';
import type { CommandContext, Register } from '../command.ts';
import type { OptionVariables } from '../options.ts';
import { AWS_OPTIONS, addHelpParagraph, LOCAL_SQS_OPTION } from '../options.ts';
import { LISTED_BY_DEFAULT } from './dead-letters-text.ts';

const OPTIONS: readonly OptionVariables[] = [
  {
    flags: '--redrive',
    variable: 'DEAD_LETTERS_REDRIVE',
    about: 'send the dead letters back to the queue, once their cause is fixed',
  },
  {
    flags: '--reason <reason>',
    variable: 'DEAD_LETTERS_REASON',
    about: 'list or redrive only the dead letters with this reason',
  },
  {
    flags: '--limit <count>',
    variable: 'DEAD_LETTERS_LIMIT',
    about: 'list or redrive at most this many',
    otherwise: `default ${LISTED_BY_DEFAULT} to list, all to redrive`,
  },
  {
    flags: '--json',
    variable: 'DEAD_LETTERS_JSON',
    about: 'print JSON with every dead letter instead of a table',
  },
  {
    flags: '--bodies',
    variable: 'DEAD_LETTERS_BODIES',
    about: 'print the message bodies too, with --json; they contain user data',
  },
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

export function addDeadLetters(program: Command, register: Register): void {
  const command = program
    .command('dead_letters')
    .description('list the messages that could not be events, by reason, or send them back to the queue');
  addHelpParagraph(
    command,
    () =>
      'Listing leaves the dead letters in their queue, but hides them from other readers until it ends. ' +
      'Redriving loses none: each one is sent to the queue before it is deleted, and an event that arrives twice is ' +
      'counted once.',
  );
  register(command, deadLettersSettings, OPTIONS, runDeadLetters);
}

async function runDeadLetters(settings: DeadLettersSettings, context: CommandContext): Promise<void> {
  if (settings.DEAD_LETTERS_BODIES && (!settings.DEAD_LETTERS_JSON || settings.DEAD_LETTERS_REDRIVE)) {
    throw new ConfigError([{ variable: '--bodies', problem: 'needs --json, and excludes --redrive' }]);
  }
  const { listOrRedrive } = await import('./dead-letters-run.ts');
  await listOrRedrive(settings, context);
}
