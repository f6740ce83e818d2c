import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { LocalPostgres } from '../dev/postgres/local-postgres.ts';
import { startPostgres, uniqueDatabaseName } from '../dev/postgres/local-postgres.ts';
import { query } from '../dev/postgres/server.ts';
import { watchPeakMemory } from '../dev/process-tree.ts';
import { startSes } from '../dev/services.ts';
import { migrate } from '../src/db/migrate.ts';
import { createLogger } from '../src/runtime/logger.ts';
import { BUCKETS_PER_ISSUE, fill } from './watcher-data.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const TRIGGERS = fileURLToPath(new URL('watcher-triggers.ts', import.meta.url));
/** As the image sets it: by default the young generation alone grows to 100 MB, most of it garbage. */
const NODE_OPTIONS = '--max-semi-space-size=4';
const SIZES = '1000,10000,100000,1000000';
const USAGE = `npm run bench watcher -- [--sizes ${SIZES}] [--repeat 3]

Does one run of \`bec-alerts watcher --once\` for each number of changed issues in
--sizes, and prints the median of the repetitions. Each issue has ${BUCKETS_PER_ISSUE} buckets. The
triggers are the built-in ones and one that asks for each issue's counts.

  DATABASE_URL  Postgres server to use instead of a private one
  NODE_OPTIONS  passed to the watcher (default: ${NODE_OPTIONS})`;

/** Without alerts every issue is new. A last run before all issues makes every issue one that changed since. */
const EVERYTHING_CHANGED = `
  TRUNCATE trigger_runs, recipients CASCADE;
  INSERT INTO trigger_runs (ran_at, finished_at, snapshot) VALUES (now() - interval '5 minutes', now(), '3:3:')`;

export interface Measured {
  /** Of the run, as the watcher logs it. */
  readonly seconds: number;
  /** From the process's start to its end. */
  readonly wholeSeconds: number;
  readonly queries: number;
  readonly issues: number;
  readonly alerts: number;
  /** The watcher's peak resident memory. */
  readonly megabytes: number;
}

interface Logged {
  readonly duration_ms: number;
  readonly queries: number;
  readonly issues: number;
  readonly alerts: number;
}

/** Measures a run over each number of changed issues, and prints a table and its growth. */
export async function benchWatcher(parameters: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      sizes: { type: 'string', default: SIZES },
      repeat: { type: 'string', default: '3' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const sizes = values.sizes.split(',').map(Number);
  const repeat = Number(values.repeat);
  if (![...sizes, repeat].every((value) => Number.isInteger(value) && value > 0)) throw new Error(USAGE);

  const postgres = await startPostgres({
    databaseUrl: process.env.DATABASE_URL,
    say: console.log,
    durable: true,
  });
  const ses = await startSes();
  try {
    const medians = new Map<number, Measured>();
    for (const size of sizes) medians.set(size, await measureSize(postgres, ses.endpoint, size, repeat));
    printTable(medians);
    printGrowth(medians);
  } finally {
    await ses.close();
    await postgres.close();
  }
}

async function measureSize(
  postgres: LocalPostgres,
  sesEndpoint: string,
  size: number,
  repeat: number,
): Promise<Measured> {
  const name = uniqueDatabaseName('bench_watcher');
  const url = await postgres.createDatabase(name);
  try {
    await migrate(
      { connectionString: url },
      0,
      createLogger({ format: 'compose', level: 'WARNING', name: 'bench' }),
    );
    const began = performance.now();
    await fill(url, size);
    console.log(`${grouped(size)} issues made in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
    const all: Measured[] = [];
    for (let round = 0; round < repeat; round += 1) {
      await query(url, EVERYTHING_CHANGED);
      const measured = await watchOnce(url, sesEndpoint);
      console.log(
        `  ${measured.seconds.toFixed(2)} s, ${measured.queries} queries, ${measured.megabytes} MB`,
      );
      all.push(measured);
    }
    const sorted = all.sort((one, other) => one.seconds - other.seconds);
    return sorted[Math.floor(sorted.length / 2)] ?? unmeasured();
  } finally {
    await postgres.dropDatabase(name);
  }
}

/**
 * Does one run through the real command line. Memory is that which the kernel reports.
 * @param variables in addition to the benchmark's own ones
 */
export async function watchOnce(
  databaseUrl: string,
  sesEndpoint: string,
  variables: NodeJS.ProcessEnv = {},
): Promise<Measured> {
  const began = performance.now();
  const child = spawn(process.execPath, [MAIN, 'watcher', '--once'], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      DATABASE_URL: databaseUrl,
      SES_ENDPOINT_URL: sesEndpoint,
      SES_MAX_SEND_RATE: '1000',
      TRIGGERS,
      NODE_OPTIONS: process.env.NODE_OPTIONS ?? NODE_OPTIONS,
      LOG_FORMAT: 'mozlog',
      ...variables,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  const peakMegabytes = watchPeakMemory(child.pid ?? 0, 20);
  const code = await new Promise((resolve) => child.once('close', resolve));
  const megabytes = Math.round(peakMegabytes());
  const line = output.split('\n').find((one) => one.includes('"msg":"evaluated')) ?? '{}';
  const { Fields } = JSON.parse(line) as { Fields?: Logged };
  if (code !== 0 || Fields === undefined) throw new Error(`the watcher ended with ${code}:\n${output}`);
  return {
    seconds: Fields.duration_ms / 1_000,
    wholeSeconds: (performance.now() - began) / 1_000,
    queries: Fields.queries,
    issues: Fields.issues,
    alerts: Fields.alerts,
    megabytes,
  };
}

function printTable(medians: ReadonlyMap<number, Measured>): void {
  console.log('\n| changed issues | run, s | process, s | queries | peak memory, MB | µs an issue |');
  console.log('| ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const [size, { seconds, wholeSeconds, queries, megabytes }] of medians) {
    const each = ((seconds * 1e6) / size).toFixed(1);
    console.log(
      `| ${grouped(size)} | ${seconds.toFixed(2)} | ${wholeSeconds.toFixed(2)} | ${grouped(queries)} | ${megabytes} | ${each} |`,
    );
  }
}

/** The time of an issue in the larger run divided by that in the smaller one: 1 is linear. */
function printGrowth(medians: ReadonlyMap<number, Measured>): void {
  const measured = [...medians];
  for (const [index, [size, larger]] of measured.entries()) {
    const [fewer, smaller] = measured[index - 1] ?? [];
    if (fewer === undefined || smaller === undefined) continue;
    const ratio = larger.seconds / size / (smaller.seconds / fewer);
    console.log(`${grouped(fewer)} -> ${grouped(size)}: an issue costs ${ratio.toFixed(2)} times as much`);
  }
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

function unmeasured(): never {
  throw new Error('nothing was measured');
}
