import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ran } from '../dev/output.ts';
import { run } from '../dev/output.ts';
import { knownStatement, storeEvents } from '../src/db/events.ts';
import type { ErrorEvent } from '../src/domain/event.ts';
import { parseEvent } from '../src/domain/event.ts';
import { events } from './fill.ts';
import { benchPool } from './pool.ts';
import type { Place, Stand } from './stand.ts';

const SCRIPTS = 40;
const SECONDS = 10;
/** A full round of a worker. */
const EVENTS_A_STATEMENT = 80;
/** The parameter with the ids of events. */
const EVENT_IDS = 3;

export interface UpsertOptions {
  /** Default: a new database. */
  readonly place?: Place;
  /** Measures pgbench from outside: its whole work and nothing else. */
  readonly around?: (pgbench: () => Promise<Ran>) => Promise<Ran>;
}

/**
 * Runs the processor's statement by pgbench, with issues that are known and events that are new.
 * @returns events a second that Postgres could store if nothing else ran
 */
export async function upsertRate(
  stand: Stand,
  clients: number,
  { place, around }: UpsertOptions = {},
): Promise<number> {
  const { binDir } = stand.postgres;
  if (binDir === undefined) throw new Error('pgbench is not on this machine');
  const { databaseUrl } = place ?? (await stand.place('upsert'));
  const directory = await mkdtemp(join(tmpdir(), 'bec-alerts-bench-'));
  try {
    const source = events({ count: SCRIPTS * EVENTS_A_STATEMENT, issues: 2_000, seed: 4 });
    const batches = Array.from({ length: SCRIPTS }, () => batchOf(source));
    await storeAll(databaseUrl, batches);
    const files: string[] = [];
    for (const [script, batch] of batches.entries()) {
      const file = join(directory, `${script}.sql`);
      await writeFile(file, `${inlined(knownStatement(batch))};\n`);
      files.push('-f', file);
    }
    const pgbench = () =>
      run(
        join(binDir, 'pgbench'),
        ['-n', '-c', String(clients), '-j', '1', '-T', String(SECONDS), ...files, databaseUrl],
        { seconds: SECONDS + 30 },
      );
    const { ok, text } = await (around === undefined ? pgbench() : around(pgbench));
    const transactions = Number(/tps = ([\d.]+)/.exec(text)?.[1]);
    if (!ok || Number.isNaN(transactions)) throw new Error(`pgbench failed:\n${text.slice(-1_000)}`);
    return transactions * EVENTS_A_STATEMENT;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function batchOf(source: ReturnType<typeof events>): ErrorEvent[] {
  return Array.from({ length: EVENTS_A_STATEMENT }, () => source.next().value).flatMap((made) => {
    const parsed = parseEvent(made?.body ?? '', new Date());
    return 'event' in parsed ? [parsed.event] : [];
  });
}

/** The statement stores only events of issues that are known. */
async function storeAll(databaseUrl: string, batches: readonly ErrorEvent[][]): Promise<void> {
  const pool = benchPool(databaseUrl);
  try {
    for (const batch of batches) await storeEvents(pool, batch);
  } finally {
    await pool.end();
  }
}

/**
 * As literals: pgbench has no parameters of array types. Each execution makes new event ids, because a repeated event
 * changes no set, and a set that doesn't change isn't written.
 */
function inlined({
  text,
  values,
}: {
  text: string;
  values: readonly (readonly (string | null)[])[];
}): string {
  return text.replace(/\$(\d+)/g, (_, number: string) => {
    const elements = (values[Number(number) - 1] ?? []).map((value) =>
      Number(number) === EVENT_IDS
        ? 'md5(random()::text)'
        : value === null
          ? 'NULL'
          : `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
    );
    return `ARRAY[${elements.join(',')}]`;
  });
}
