import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { browserIssue } from '../dev/browser-errors/issues.ts';
import type { LocalPostgres } from '../dev/postgres/local-postgres.ts';
import { startPostgres, uniqueDatabaseName } from '../dev/postgres/local-postgres.ts';
import { storeEvents } from '../src/db/events.ts';
import { migrate } from '../src/db/migrate.ts';
import type { Pool } from '../src/db/pool.ts';
import type { ErrorEvent } from '../src/domain/event.ts';
import { parseEvent } from '../src/domain/event.ts';
import { createLogger } from '../src/runtime/logger.ts';
import { benchPool, holdSnapshot } from './pool.ts';

const HELP = `npm run bench hot-rows -- [options]

Stores batches of events that all fall on the same few issues, with and without a transaction that holds a snapshot
open, as a pg_dump, a report or a hanging watcher does.

  --issues N     issues; each batch has an event of each (50)
  --batches N    batches without a snapshot held (600)
  --rounds N     rounds of batches with a snapshot held (4)
  --round N      batches in a round (300)`;

/** Measures what hot issues cost: WAL, dead rows, sizes, and how a held snapshot slows the batches down. */
export async function benchHotRows(parameters: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      issues: { type: 'string', default: '50' },
      batches: { type: 'string', default: '600' },
      rounds: { type: 'string', default: '4' },
      round: { type: 'string', default: '300' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const [issues, batches, rounds, round] = [values.issues, values.batches, values.rounds, values.round].map(
    Number,
  ) as [number, number, number, number];
  const postgres = await startPostgres({
    databaseUrl: process.env.DATABASE_URL,
    say: console.log,
    durable: true,
  });
  try {
    await withDatabase(postgres, async (url, pool) => {
      await storeBatches(pool, issues, 20);
      console.log(`\n${batches} batches on ${issues} issues, no snapshot held`);
      const before = await counters(pool);
      const took = await storeBatches(pool, issues, batches);
      const after = await counters(pool);
      report(before, after, batches * issues, took / batches);
      await pool.query('VACUUM ANALYZE');
      console.log(`\n${round} batches a round, a snapshot held from before the first`);
      const holder = await holdSnapshot(url);
      for (let number = 1; number <= rounds; number += 1) {
        const start = await counters(pool);
        const seconds = await storeBatches(pool, issues, round);
        const end = await counters(pool);
        console.log(
          `  round ${number}: ${((seconds * 1_000) / round).toFixed(1)} ms a batch, ${hotRatios(start, end)}`,
        );
      }
      await holder.end();
    });
  } finally {
    await postgres.close();
  }
}

async function withDatabase(
  postgres: LocalPostgres,
  work: (url: string, pool: Pool) => Promise<void>,
): Promise<void> {
  const name = uniqueDatabaseName('bench_hot_rows');
  const url = await postgres.createDatabase(name);
  await migrate(
    { connectionString: url },
    0,
    createLogger({ format: 'compose', level: 'WARNING', name: 'bench' }),
  );
  const pool = benchPool(url);
  try {
    await work(url, pool);
  } finally {
    await pool.end();
    await postgres.dropDatabase(name);
  }
}

let number = 0;

/** @returns seconds */
async function storeBatches(pool: Pool, issues: number, batches: number): Promise<number> {
  const made = Array.from({ length: batches }, () => batchOf(issues));
  const started = performance.now();
  for (const batch of made) await storeEvents(pool, batch);
  return (performance.now() - started) / 1_000;
}

/** An event of each issue, by one of 20,000 users. */
function batchOf(issues: number): ErrorEvent[] {
  return Array.from({ length: issues }, (_, index) => {
    number += 1;
    const parsed = parseEvent(bodyOf(index, number), new Date());
    if ('rejection' in parsed) throw new Error(parsed.rejection.reason);
    return parsed.event;
  });
}

function bodyOf(index: number, event: number): string {
  const issue = browserIssue(index, 'full');
  const eventID = createHash('md5').update(String(event)).digest('hex');
  return `{"eventID":"${eventID}","groupID":"${issue.groupId}","projectID":"7","title":${JSON.stringify(issue.title)},
    "dateReceived":"${new Date().toISOString()}","user":{"id":"${(event * 7_919) % 20_000}"},"platform":"javascript",
    "tags":[{"key":"release","value":"14${event % 5}.0"},{"key":"environment","value":"nightly"},
    {"key":"browser","value":"Firefox 14${event % 5}.0"},{"key":"os","value":"Windows ${10 + (event % 2)}"}],
    "entries":[${issue.entry}]}`;
}

interface Counters {
  readonly walBytes: number;
  readonly tables: Readonly<Record<string, TableCounters>>;
}

interface TableCounters {
  readonly updates: number;
  readonly hot: number;
  readonly dead: number;
  readonly bytes: number;
}

async function counters(pool: Pool): Promise<Counters> {
  await pool.query('SELECT pg_stat_clear_snapshot()');
  await pool.query(`SELECT pg_sleep(1.2)`);
  const wal = await pool.query<{ bytes: number }>('SELECT wal_bytes::float8 AS bytes FROM pg_stat_wal');
  const { rows } = await pool.query<TableCounters & { name: string }>(
    `SELECT relname AS name, n_tup_upd::float8 AS updates, n_tup_hot_upd::float8 AS hot, n_dead_tup::float8 AS dead,
            pg_total_relation_size(relid)::float8 AS bytes
     FROM pg_stat_user_tables ORDER BY relname`,
  );
  return {
    walBytes: wal.rows[0]?.bytes ?? 0,
    tables: Object.fromEntries(rows.map((row) => [row.name, row])),
  };
}

function report(before: Counters, after: Counters, messages: number, secondsABatch: number): void {
  console.log(`  ${(secondsABatch * 1_000).toFixed(2)} ms a batch`);
  console.log(`  ${Math.round((after.walBytes - before.walBytes) / messages)} bytes of WAL a message`);
  for (const [name, table] of Object.entries(after.tables)) {
    if (table.updates === 0 && table.bytes < 100_000) continue;
    console.log(
      `  ${name.padEnd(16)} ${Math.round(table.bytes / 1_024)} kB, ${table.dead} dead rows, ${table.updates} updates`,
    );
  }
  console.log(`  ${hotRatios(before, after)}`);
}

function hotRatios(before: Counters, after: Counters): string {
  return Object.entries(after.tables)
    .map(([name, table]) => {
      const updates = table.updates - (before.tables[name]?.updates ?? 0);
      const hot = table.hot - (before.tables[name]?.hot ?? 0);
      return updates === 0 ? '' : `${name} ${((hot / updates) * 100).toFixed(1)} % HOT`;
    })
    .filter((text) => text !== '')
    .join(', ');
}
