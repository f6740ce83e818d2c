import { ConfigError } from '../../config/env.ts';
import type { DatabaseConnection } from '../../db/client.ts';
import { usersNow } from '../../domain/silence.ts';
import { oneLine } from '../../domain/text.ts';
import type { SilenceRequest } from '../../watcher/silences/silence-issue.ts';
import { endSilencesOf, silenceIssue } from '../../watcher/silences/silence-issue.ts';
import { columnsOf } from '../columns.ts';
import type { CommandContext } from '../command.ts';
import type { CommandDatabase } from '../database.ts';
import { withDatabase } from '../database.ts';
import { unknownIssue } from './explain-text.ts';
import { endedText, noneHolds, silencedText } from './silence-text.ts';

const STATEMENT_TIMEOUT_MILLISECONDS = 60_000;
const MAX_NAME = 80;

/** The database as the commands about silences use it. */
export function silencesDatabase(connection: DatabaseConnection, command: string): CommandDatabase {
  return { connection, command, statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS };
}

/**
 * Silences an issue and prints a confirmation.
 * @throws ConfigError if there is no such trigger
 * @throws Error if there is no such issue, or if the users are affected already
 */
export async function addOne(
  connection: DatabaseConnection,
  request: SilenceRequest,
  context: CommandContext,
): Promise<void> {
  const done = await withDatabase(silencesDatabase(connection, 'silence'), context, (pool) =>
    silenceIssue(pool, request),
  );
  switch (done.outcome) {
    case 'unknown':
      throw new Error(unknownIssue(request.groupId, done.similar));
    case 'no trigger': {
      const { meant } = done;
      const advice = meant === null ? 'bec-alerts triggers lists the names' : `is ${quoted(meant)} meant?`;
      const problem = `must be the name of a trigger, and no trigger has the name ${quoted(request.trigger ?? '')}; ${advice}`;
      throw new ConfigError([{ variable: '--trigger', problem }]);
    }
    case 'reached':
      throw new Error(
        `--until-users must be above the number of affected users, and it is ${usersNow(done.users)} already; nothing was silenced`,
      );
    case 'silenced':
      process.stdout.write(silencedText(request, done, columnsOf(process.stdout)));
  }
}

function quoted(name: string): string {
  return JSON.stringify(oneLine(name, MAX_NAME));
}

/** Ends the silences of an issue. @throws Error if there is no such issue, or if none holds */
export async function endThem(
  connection: DatabaseConnection,
  groupId: string,
  trigger: string | null,
  context: CommandContext,
): Promise<void> {
  const done = await withDatabase(silencesDatabase(connection, 'silence'), context, (pool) =>
    endSilencesOf(pool, groupId, trigger),
  );
  if (done.outcome === 'unknown') throw new Error(unknownIssue(groupId, done.similar));
  if (done.ended === 0) throw new Error(noneHolds(groupId, trigger, done.others));
  process.stdout.write(endedText(groupId, done));
}
