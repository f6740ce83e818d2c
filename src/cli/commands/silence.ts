import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { ConfigError } from '../../config/env.ts';
import type { SilenceSettings } from '../../config/silences.ts';
import { silenceSettings } from '../../config/silences.ts';
import type { CommandContext, Register } from '../command.ts';
import { databaseConnection } from '../database-settings.ts';
import type { OptionVariables } from '../options.ts';
import { addHelpParagraph, TRIGGERS_OPTION } from '../options.ts';

const OPTIONS: readonly OptionVariables[] = [
  {
    flags: '--for <duration>',
    variable: 'SILENCE_FOR',
    about: 'how long: a number with m, h, d or w, such as 8h',
  },
  {
    flags: '--until-users <users>',
    variable: 'SILENCE_UNTIL_USERS',
    about: 'until this many users are affected, instead of --for',
  },
  {
    flags: '--because <text>',
    variable: 'SILENCE_BECAUSE',
    about: 'the reason; required without --end',
  },
  {
    flags: '--trigger <name>',
    variable: 'SILENCE_TRIGGER',
    about: 'silence only the alerts of this trigger',
    otherwise: 'without it, of all triggers',
  },
  {
    flags: '--end',
    variable: 'SILENCE_END',
    about: 'end the silences of the issue now; with --trigger only those of that trigger',
  },
  {
    flags: '--by <name>',
    variable: 'SILENCE_BY',
    about: 'who silences the issue',
    otherwise: "default: your system's user name",
  },
  TRIGGERS_OPTION,
];

/** `silence ISSUE`: drops the alerts about an issue until a time, or until more users are affected. */
export function addSilence(program: Command, register: Register): void {
  const command = program
    .command('silence')
    .argument('<issue>', "Sentry's id of the issue, which each email shows")
    .description('drop the alerts about an issue for some time, or until more users are affected');
  addHelpParagraph(
    command,
    () =>
      'Events are still counted. The first run after the end evaluates the issue again, so an alert that still holds is ' +
      'sent then. Several silences of an issue may hold: its alerts are dropped until the last one ends.',
  );
  register(command, silenceSettings, OPTIONS, runSilence);
}

async function runSilence(
  settings: SilenceSettings,
  context: CommandContext,
  [given = '']: readonly string[],
): Promise<void> {
  const groupId = given.trim();
  if (groupId === '') throw new ConfigError([{ variable: 'ISSUE', problem: 'is empty' }]);
  const { addOne, endThem } = await import('./silence-run.ts');
  const trigger = settings.SILENCE_TRIGGER ?? null;
  if (settings.SILENCE_END) {
    await endThem(databaseConnection(settings), groupId, trigger, context);
    return;
  }
  // A trigger file need not load unless a name is checked against it.
  const triggers = trigger === null ? [] : await triggersOf(settings);
  const request = {
    groupId,
    trigger,
    end: endOf(settings),
    because: settings.SILENCE_BECAUSE ?? '',
    by: authorOf(settings),
    configured: triggers.map((loaded) => loaded.trigger.name),
  };
  await addOne(databaseConnection(settings), request, context);
}

async function triggersOf(settings: SilenceSettings) {
  const { configuredTriggers } = await import('../configured-triggers.ts');
  return await configuredTriggers(settings);
}

function endOf({ SILENCE_FOR: milliseconds, SILENCE_UNTIL_USERS: usersOver = 0 }: SilenceSettings) {
  return milliseconds === undefined ? { usersOver } : { milliseconds };
}

/** @throws ConfigError if nothing names the user, as with an unknown uid in a container */
function authorOf({ SILENCE_BY, USER, LOGNAME, USERNAME }: SilenceSettings): string {
  const author = SILENCE_BY || USER || LOGNAME || USERNAME || systemUser();
  if (author !== '') return author;
  throw new ConfigError([
    { variable: '--by', problem: 'is required, because the system has no name of the user' },
  ]);
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}
