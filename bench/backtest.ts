import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startPostgres, uniqueDatabaseName } from '../dev/postgres/local-postgres.ts';
import { watchPeakMemory } from '../dev/process-tree.ts';
import { migrate } from '../src/db/migrate.ts';
import { createLogger } from '../src/runtime/logger.ts';
import { fillMonth } from './watcher-data.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const BUILT_IN = fileURLToPath(new URL('watcher-triggers.ts', import.meta.url));
const RECOMMENDED = fileURLToPath(new URL('../docs/examples/recommended.ts', import.meta.url));
const USAGE = `npm run bench backtest -- [--issues 10000] [--days 30]

Runs \`bec-alerts backtest\` over a month of issues, with the built-in triggers and with the recommended ones.
A tenth of the issues has events in each hour, the others on one day of six.`;

/** Measures a backtest: wall time and the process's peak memory. */
export async function benchBacktest(parameters: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      issues: { type: 'string', default: '10000' },
      days: { type: 'string', default: '30' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const postgres = await startPostgres({
    databaseUrl: process.env.DATABASE_URL,
    say: console.log,
    durable: true,
  });
  try {
    const name = uniqueDatabaseName('bench_backtest');
    const url = await postgres.createDatabase(name);
    await migrate(
      { connectionString: url },
      0,
      createLogger({ format: 'compose', level: 'WARNING', name: 'bench' }),
    );
    await fillMonth(url, Number(values.issues));
    console.log(`${values.issues} issues made`);
    for (const triggers of [BUILT_IN, RECOMMENDED]) await measure(url, values.days, triggers);
    await postgres.dropDatabase(name);
  } finally {
    await postgres.close();
  }
}

async function measure(databaseUrl: string, days: string, triggers: string): Promise<void> {
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [MAIN, 'backtest', '--days', days, '--triggers', triggers, '--json'],
    {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        DATABASE_URL: databaseUrl,
        NODE_OPTIONS: process.env.NODE_OPTIONS,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const peakMegabytes = watchPeakMemory(child.pid ?? 0, 100);
  const output = await text(child.stdout);
  const megabytes = Math.round(peakMegabytes());
  const { day_steps, hour_steps, files } = JSON.parse(output);
  const [{ alert_count, triggers: evaluated }] = files;
  const evaluations = evaluated.reduce(
    (sum: number, one: { notified: number; declined: number }) => sum + one.notified + one.declined,
    0,
  );
  const seconds = (performance.now() - began) / 1_000;
  console.log(
    `  ${seconds.toFixed(1)} s, ${megabytes} MB: ${evaluated.length} triggers, ${evaluations} evaluations, ${day_steps} days and ${hour_steps} hours, ${alert_count} alerts`,
  );
}
