import type { Command } from 'commander';
import type { ExplainSettings } from '../../config/env.ts';
import { ConfigError, explainSettings } from '../../config/env.ts';
import { columnsOf } from '../columns.ts';
import type { CommandContext, Register } from '../command.ts';
import { databaseConnection } from '../database-settings.ts';
import type { OptionVariables } from '../options.ts';
import { TRIGGERS_OPTION } from '../options.ts';

const OPTIONS: readonly OptionVariables[] = [
  TRIGGERS_OPTION,
  { flags: '--json', variable: 'EXPLAIN_JSON', about: 'print JSON instead of text' },
];

const STATEMENT_TIMEOUT_MILLISECONDS = 120_000;

/** `explain ISSUE`: shows the verdicts of all triggers on an issue, and the notifications so far. */
export function addExplain(program: Command, register: Register): void {
  register(
    program
      .command('explain')
      .argument('<issue>', "Sentry's id of the issue, which each email shows")
      .description(
        'show what each trigger decides on an issue now, and why; and who was notified of it, and when',
      ),
    explainSettings,
    OPTIONS,
    explainIssue,
  );
}

/** @throws Error naming similar issues if there is no such issue */
async function explainIssue(
  settings: ExplainSettings,
  context: CommandContext,
  [given = '']: readonly string[],
): Promise<void> {
  const groupId = given.trim();
  if (groupId === '') throw new ConfigError([{ variable: 'ISSUE', problem: 'is empty' }]);
  const { configuredTriggers, withoutStdout } = await import('../configured-triggers.ts');
  const triggers = await configuredTriggers(settings);
  const { withDatabase } = await import('../database.ts');
  const { explain } = await import('../../watcher/explain/explain.ts');
  const { toText, unknownIssue } = await import('./explain-text.ts');
  const { toJson } = await import('./explain-json.ts');
  const database = {
    connection: databaseConnection(settings),
    command: 'explain',
    statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS,
  };
  await withDatabase(database, context, async (pool) => {
    // Triggers may print while they evaluate, which must not become part of the JSON.
    const explained = await withoutStdout(() => explain(pool, groupId, triggers, settings.WATCHER_SINCE));
    if ('similar' in explained) throw new Error(unknownIssue(groupId, explained.similar));
    const text = settings.EXPLAIN_JSON ? toJson(explained) : toText(explained, columnsOf(process.stdout));
    process.stdout.write(`${text}\n`);
  });
}
