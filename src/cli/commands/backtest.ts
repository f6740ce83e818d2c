import type { Command } from 'commander';
import type { BacktestSettings } from '../../config/env.ts';
import { backtestSettings } from '../../config/env.ts';
import { plural } from '../../domain/text.ts';
import { utcDay } from '../../domain/time.ts';
import type { Backtest } from '../../watcher/backtest/backtest.ts';
import type { ReadyTrigger } from '../../watcher/triggers/load.ts';
import { columnsOf } from '../columns.ts';
import type { CommandContext, Register } from '../command.ts';
import { databaseConnection } from '../database-settings.ts';
import type { OptionVariables } from '../options.ts';
import { addHelpParagraph, TRIGGERS_OPTION } from '../options.ts';

const OPTIONS: readonly OptionVariables[] = [
  {
    flags: '--days <days>',
    variable: 'BACKTEST_DAYS',
    about: 'number of UTC days before today to go back',
  },
  TRIGGERS_OPTION,
  {
    flags: '--against <file>',
    variable: 'BACKTEST_AGAINST',
    about: 'another trigger file to compare with; the word built-in for the built-in triggers',
  },
  { flags: '--json', variable: 'BACKTEST_JSON', about: 'print JSON with each alert instead of a report' },
];

/** A page of a run may take two minutes; a statement of a step takes less. */
const STATEMENT_TIMEOUT_MILLISECONDS = 120_000;
const BUILT_IN = 'built-in';

export function addBacktest(program: Command, register: Register): void {
  const command = program
    .command('backtest')
    .description('show which alerts triggers would have sent in the past, from the counts that are stored');
  addHelpParagraph(
    command,
    () =>
      'The triggers are evaluated at the end of each hour of the last eight days, and at the end of each day before. ' +
      'Nothing is stored, nothing is sent, and the watcher may run at the same time. Exit 1 if a trigger throws.',
  );
  register(command, backtestSettings, OPTIONS, runBacktest);
}

async function runBacktest(
  settings: BacktestSettings,
  { logger: loggerOf, stopSignal }: CommandContext,
): Promise<void> {
  const { backtest } = await import('../../watcher/backtest/backtest.ts');
  const { createPool } = await import('../../db/pool.ts');
  const { withoutStdout } = await import('../configured-triggers.ts');
  const { backtestReport, nameOf } = await import('./backtest-text.ts');
  const { backtestJson } = await import('./backtest-json.ts');
  const files = filesOf(settings);
  const sets: ReadyTrigger[][] = [];
  for (const file of files) sets.push(await enabledTriggers(settings, file));
  const logger = loggerOf('backtest');
  const pool = createPool({
    ...databaseConnection(settings),
    applicationName: 'bec-alerts backtest',
    max: 1,
    statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS,
    onIdleError: (error) => logger.debug('connection of the backtest lost', { error }),
  });
  const bar = progressBar(process.stderr);
  const signal = stopSignal();
  try {
    const options = { days: settings.BACKTEST_DAYS, sets, progress: bar.show, signal };
    // Triggers may print while they evaluate, which must not become part of the JSON.
    const result = await withoutStdout(() => backtest(pool, options));
    bar.clear();
    process.stdout.write(
      settings.BACKTEST_JSON
        ? backtestJson(result, files.map(nameOf))
        : backtestReport(result, files, columnsOf(process.stdout)),
    );
    conclude(result);
  } catch (error) {
    if (!signal.aborted) throw error;
    bar.clear();
    process.stderr.write('bec-alerts: the backtest was stopped before its end, so there is no report\n');
  } finally {
    bar.clear();
    await pool.end();
  }
}

/** Undefined stands for the built-in triggers. */
function filesOf({ TRIGGERS: file, BACKTEST_AGAINST: against }: BacktestSettings): (string | undefined)[] {
  if (against === undefined) return [file];
  return [file, against === BUILT_IN ? undefined : against];
}

async function enabledTriggers(
  { TRIGGERS: _, ...settings }: BacktestSettings,
  file: string | undefined,
): Promise<ReadyTrigger[]> {
  const { configuredTriggers } = await import('../configured-triggers.ts');
  const loaded = await configuredTriggers(file === undefined ? settings : { ...settings, TRIGGERS: file });
  return loaded.filter(({ enabled }) => enabled);
}

/** @throws if evaluations failed, so that a check of triggers notices */
function conclude({ files }: Backtest): void {
  const failing = files.flatMap(({ triggers }) => triggers.filter(({ errors }) => errors.length > 0));
  if (failing.length === 0) return;
  const names = [...new Set(failing.map(({ trigger }) => trigger))];
  throw new Error(`evaluations failed: ${plural(names.length, 'trigger')} threw (${names.join(', ')})`);
}

const BAR_WIDTH = 30;

/** On a terminal, shows how far the work is. */
function progressBar(stream: NodeJS.WriteStream) {
  let shown = false;
  return {
    show(part: number, { start }: { readonly start: Date }) {
      if (!stream.isTTY) return;
      shown = true;
      const full = Math.round(part * BAR_WIDTH);
      const bar = '█'.repeat(full).padEnd(BAR_WIDTH, '░');
      stream.write(`\r${bar} ${String(Math.floor(part * 100)).padStart(3)} %  ${utcDay(start)}`);
    },
    clear() {
      if (shown) stream.write('\r\u001b[K');
      shown = false;
    },
  };
}
