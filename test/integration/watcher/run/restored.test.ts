import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../dev/browser-errors/random.ts';
import type { LocalPostgres } from '../../../../dev/postgres/local-postgres.ts';
import { startPostgres, uniqueDatabaseName } from '../../../../dev/postgres/local-postgres.ts';
import { storeEvents } from '../../../../src/db/events.ts';
import { migrate } from '../../../../src/db/migrate.ts';
import type { Pool } from '../../../../src/db/pool.ts';
import { createPool } from '../../../../src/db/pool.ts';
import { progressOf } from '../../../../src/db/progress.ts';
import { foreignSnapshots, restampChanges } from '../../../../src/db/restore.ts';
import { clusterOf } from '../../../../src/db/runs.ts';
import { defineTrigger } from '../../../../src/domain/trigger.ts';
import { createLogger } from '../../../../src/runtime/logger.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { runHere } from '../../../support/run.ts';
import { contents, ON_CALL, outbox } from '../../../support/watcher.ts';

const source = (await createDatabase()).pool;
const neighbour = (await createDatabase()).pool;
let server: LocalPostgres;
let elsewhere: Pool;

beforeAll(async () => {
  // A cluster of its own: its transactions count from where an empty one begins, far behind the first cluster.
  server = await startPostgres({ databaseUrl: undefined, say: () => undefined });
  const url = await server.createDatabase(uniqueDatabaseName('restored'));
  await migrate(
    { connectionString: url },
    0,
    createLogger({ format: 'compose', level: 'ERROR', name: 'test' }),
  );
  elsewhere = createPool({
    connectionString: url,
    applicationName: 'bec-alerts test',
    max: 8,
    statementTimeoutMilliseconds: 30_000,
    onIdleError: () => undefined,
  });
  await burnTransactions(source, 20_000);
});
afterAll(async () => {
  await elsewhere.end();
  await server.close();
});

async function burnTransactions(pool: Pool, count: number): Promise<void> {
  await pool.query(
    `DO $$ BEGIN FOR i IN 1..${count} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`,
  );
}

/** Makes the transaction numbers of the other cluster exceed those of this one. */
async function overtake(): Promise<void> {
  const ask = 'SELECT pg_current_xact_id()::text::int AS xid';
  const ours = (await source.query<{ xid: number }>(ask)).rows[0]?.xid ?? 0;
  const theirs = (await elsewhere.query<{ xid: number }>(ask)).rows[0]?.xid ?? 0;
  await burnTransactions(elsewhere, Math.max(0, ours - theirs) + 20_000);
}

const store = (pool: Pool, groups: readonly string[], hoursAgo = 0) =>
  storeEvents(
    pool,
    groups.map((groupId) => errorEvent({ groupId, receivedAt: new Date(Date.now() - hoursAgo * 3_600_000) })),
  );

/** Works like a dump and its restore: every value stays, every row is written again. */
async function restore(from: Pool, to: Pool): Promise<void> {
  await emptyTables(to);
  const client = await to.connect();
  try {
    // A dump creates a table's triggers after its rows.
    await client.query('SET session_replication_role = replica');
    for (const [table, rows] of Object.entries(await contents(from))) {
      await client.query(
        `INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT (row::${table}).* FROM unnest($1::text[]) AS row`,
        [rows],
      );
    }
    await client.query('RESET session_replication_role');
  } finally {
    client.release();
  }
  for (const table of ['issues', 'recipients', 'trigger_runs', 'alerts']) {
    await to.query(
      `SELECT setval(pg_get_serial_sequence('${table}', 'id'), coalesce(max(id), 0) + 1, false) FROM ${table}`,
    );
  }
}

interface Options {
  readonly trigger?: string;
  readonly dryRun?: boolean;
  readonly said?: string[];
}

/** Runs with a trigger that notifies of all, and returns the evaluated issues. */
async function evaluated(pool: Pool, { trigger = 'Witness', ...options }: Options = {}): Promise<string[]> {
  const groups: string[] = [];
  const witness = defineTrigger({
    name: trigger,
    emails: [ON_CALL],
    evaluate: ({ groupId }) => {
      groups.push(groupId);
      return { notify: true, because: 'it changed' };
    },
  });
  const destination = { write: (line: string) => options.said?.push(line) };
  const logger = createLogger({ format: 'compose', level: 'WARNING', name: 'test', destination });
  await runHere(pool, [witness], { ...options, logger });
  return groups.sort();
}

/** a to d were evaluated; b changed since, when the dump was made. */
async function dumped(): Promise<void> {
  await emptyTables(source);
  await store(source, ['a', 'b', 'c', 'd']);
  expect(await evaluated(source)).toEqual(['a', 'b', 'c', 'd']);
  await store(source, ['b']);
}

/** In this order: the second one can't be undone. */
describe.each([
  ['a younger cluster, whose transactions are behind the snapshot', async () => undefined],
  ['a cluster whose transactions have passed the snapshot', overtake],
])('a database restored into %s', (_, prepare) => {
  const target = () => elsewhere;
  beforeAll(prepare);

  it('has its changed issues evaluated, there and here, late events included, and nothing twice', async () => {
    const pool = target();
    await dumped();
    await restore(source, pool);
    await store(pool, ['c'], 1);
    await store(pool, ['new']);
    const said: string[] = [];
    expect(await evaluated(pool, { said })).toEqual(['b', 'c', 'new']);
    expect(said).toEqual([expect.stringMatching(/WARNING \| the database was restored from a dump/)]);
    expect(await evaluated(pool, { said })).toEqual([]);
    await store(pool, ['a']);
    expect(await evaluated(pool, { said })).toEqual(['a']);
    expect(said).toHaveLength(1);
    const alerts = (await outbox(pool)).map(({ group_id }) => group_id);
    expect(alerts.sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c', 'd', 'new']);
  });

  it('is evaluated the same by a dry run, which leaves it as it was', async () => {
    const pool = target();
    await dumped();
    await restore(source, pool);
    await store(pool, ['c'], 1);
    const before = await contents(pool);
    expect(await evaluated(pool, { dryRun: true })).toEqual(['b', 'c']);
    expect(await contents(pool)).toEqual(before);
    expect(await evaluated(pool)).toEqual(['b', 'c']);
  });

  it('has its issues evaluated by each trigger from where that trigger was, in any order', async () => {
    const pool = target();
    await dumped();
    expect(await evaluated(source, { trigger: 'Second' })).toEqual(['a', 'b', 'c', 'd']);
    await store(source, ['c']);
    expect(await evaluated(source, { trigger: 'Third' })).toEqual(['a', 'b', 'c', 'd']);
    await store(source, ['d']);
    await restore(source, pool);
    await store(pool, ['new']);
    const said: string[] = [];
    const seen = async (trigger: string) => [
      await evaluated(pool, { trigger, dryRun: true, said }),
      await evaluated(pool, { trigger, said }),
      await evaluated(pool, { trigger, said }),
    ];
    expect(await seen('Second')).toEqual([['c', 'd', 'new'], ['c', 'd', 'new'], []]);
    expect(said).toHaveLength(2);
    await store(pool, ['a']);
    expect(await seen('Witness')).toEqual([['a', 'b', 'c', 'd', 'new'], ['a', 'b', 'c', 'd', 'new'], []]);
    expect(await seen('Third')).toEqual([['a', 'd', 'new'], ['a', 'd', 'new'], []]);
    expect(said).toHaveLength(2);
  });

  it('has its issues evaluated where the dump is of the version before', async () => {
    const pool = target();
    await dumped();
    await source.query('TRUNCATE trigger_progress; UPDATE trigger_runs SET by_trigger = false');
    await restore(source, pool);
    await store(pool, ['new']);
    expect(await evaluated(pool)).toEqual(['b', 'new']);
    expect(await evaluated(pool)).toEqual([]);
  });

  it('is evaluated the same where a watcher died between giving new numbers and its run', async () => {
    const pool = target();
    await dumped();
    await restore(source, pool);
    await store(pool, ['c'], 1);
    const cluster = await clusterOf(pool);
    const foreign = await foreignSnapshots(pool, cluster);
    // c was stored here; the other three get numbers of this cluster.
    expect(await restampChanges(pool, foreign, cluster)).toBe(3);
    expect(await restampChanges(pool, foreign, cluster)).toBe(0);
    expect(await evaluated(pool)).toEqual(['b', 'c']);
    expect(await evaluated(pool)).toEqual([]);
  });

  it('is evaluated whole while events are stored in it', async () => {
    const pool = target();
    await emptyTables(source);
    const groups = Array.from({ length: 3_000 }, (_, index) => `g${index}`);
    await store(source, groups);
    expect(await evaluated(source)).toHaveLength(3_000);
    await restore(source, pool);
    const random = seededRandom(7);
    let storing = true;
    const stored = new Set<string>();
    const write = async () => {
      while (storing) {
        const touched = groups.filter(() => random() < 0.01);
        await store(pool, touched);
        for (const one of touched) stored.add(one);
      }
    };
    const writers = Promise.all([write(), write(), write()]);
    const first = await evaluated(pool).finally(() => {
      storing = false;
    });
    await writers;
    const second = await evaluated(pool);
    expect(first.filter((group) => !stored.has(group))).toEqual([]);
    expect(new Set([...first, ...second])).toEqual(stored);
    expect(await evaluated(pool)).toEqual([]);
  });
});

describe('a database that no dump has touched', () => {
  it('is evaluated as ever after its last run was edited, or copied within the cluster', async () => {
    await dumped();
    await source.query(`UPDATE trigger_runs SET ran_at = ran_at - interval '1 hour'`);
    const said: string[] = [];
    await restore(source, neighbour);
    expect(await evaluated(source, { said })).toEqual(['b']);
    await store(neighbour, ['c'], 1);
    expect(await evaluated(neighbour, { said })).toEqual(['b', 'c']);
    expect(await evaluated(neighbour, { said })).toEqual([]);
    expect(said).toEqual([]);
  });

  it('is evaluated as ever by a role that may not ask which cluster it is', async () => {
    await dumped();
    const role = uniqueDatabaseName('unprivileged');
    await source.query('REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC');
    await source.query(`CREATE ROLE ${role}; GRANT SELECT ON trigger_runs, trigger_progress TO ${role}`);
    const client = await source.connect();
    try {
      await client.query(`SET ROLE ${role}`);
      expect(await clusterOf(client)).toBeNull();
      const own = { names: ['Witness'], sinceMilliseconds: 0 };
      expect(await progressOf(client, own, null)).toMatchObject([{ last: { restored: false } }]);
    } finally {
      await client.query('RESET ROLE');
      client.release();
      await source.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      await source.query('GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC');
    }
  });
});
