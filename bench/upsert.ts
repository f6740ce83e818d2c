import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../dev/output.ts';
import { knownStatement } from '../src/db/events.ts';
import { parseEvent } from '../src/domain/event.ts';
import { events } from './fill.ts';
import type { Stand } from './stand.ts';

const SCRIPTS = 40;
const SECONDS = 10;
/** A full round of a worker. */
const EVENTS_A_STATEMENT = 80;

/** Runs the processor's statement by pgbench. @returns events a second that Postgres could store if nothing else ran */
export async function upsertRate(stand: Stand, clients: number): Promise<number> {
  const { binDir } = stand.postgres;
  if (binDir === undefined) throw new Error('pgbench is not on this machine');
  const { databaseUrl } = await stand.place('upsert');
  const directory = await mkdtemp(join(tmpdir(), 'bec-alerts-bench-'));
  try {
    const source = events({ count: SCRIPTS * EVENTS_A_STATEMENT, issues: 2_000, seed: 4 });
    const files: string[] = [];
    for (let script = 0; script < SCRIPTS; script += 1) {
      const batch = Array.from({ length: EVENTS_A_STATEMENT }, () => source.next().value).flatMap((made) => {
        const parsed = parseEvent(made?.body ?? '', new Date());
        return 'event' in parsed ? [parsed.event] : [];
      });
      const file = join(directory, `${script}.sql`);
      await writeFile(file, `${inlined(knownStatement(batch))};\n`);
      files.push('-f', file);
    }
    const { ok, text } = await run(
      join(binDir, 'pgbench'),
      ['-n', '-c', String(clients), '-j', '1', '-T', String(SECONDS), ...files, databaseUrl],
      { seconds: SECONDS + 30 },
    );
    const transactions = Number(/tps = ([\d.]+)/.exec(text)?.[1]);
    if (!ok || Number.isNaN(transactions)) throw new Error(`pgbench failed:\n${text.slice(-1_000)}`);
    return transactions * EVENTS_A_STATEMENT;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** As literals: pgbench has no parameters of array types. */
function inlined({
  text,
  values,
}: {
  text: string;
  values: readonly (readonly (string | null)[])[];
}): string {
  return text.replace(/\$(\d+)/g, (_, number: string) => {
    const elements = (values[Number(number) - 1] ?? []).map((value) =>
      value === null ? 'NULL' : `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
    );
    return `ARRAY[${elements.join(',')}]`;
  });
}
