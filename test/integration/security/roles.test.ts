import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { forwarded } from '../../support/events.ts';
import { drained, startProcessor } from '../../support/processor.ts';
import { createQueue, sendBodies } from '../../support/queue.ts';
import { addSilence, silence, silenceRows } from '../../support/silences.ts';

const ROLES = readFileSync(new URL('../../../docs/roles.sql', import.meta.url), 'utf8');
const database = await createDatabase();
const { pool } = database;
/** Users belong to the whole server, so each has a name of its own. */
const user = (of: string) => `test_${of}_${process.pid}`;
const PASSWORD = 'of-a-test';

beforeAll(async () => {
  await pool.query(ROLES);
  for (const of of ['processor', 'watcher', 'silencer']) {
    await pool.query(`CREATE ROLE ${user(of)} LOGIN PASSWORD '${PASSWORD}' IN ROLE bec_alerts_${of}`);
  }
});
afterAll(async () => {
  for (const of of ['processor', 'watcher', 'silencer']) await pool.query(`DROP ROLE IF EXISTS ${user(of)}`);
});

function urlOf(of: string, base = database.url): string {
  const url = new URL(base);
  url.username = user(of);
  url.password = PASSWORD;
  return url.href;
}

async function codeOf(of: string, sql: string, base?: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: urlOf(of, base) });
  await client.connect();
  try {
    await client.query(sql);
    return undefined;
  } catch (error) {
    return error instanceof pg.DatabaseError ? error.code : String(error);
  } finally {
    await client.end();
  }
}

const REFUSED = '42501';

describe('the roles of docs/roles.sql', () => {
  it('are enough for the processor', async () => {
    const queue = await createQueue();
    const bodies = Array.from({ length: 20 }, (_, index) =>
      JSON.stringify(forwarded({ groupID: `g${index % 4}`, title: 'bec-alerts-healthcheck' })),
    );
    await sendBodies(queue.client, queue.queueUrl, bodies);
    const processor = startProcessor(queue, { ...database, url: urlOf('processor') }, { PORT: '0' });
    await drained(queue);
    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
    const { rows } = await pool.query('SELECT count(*)::int AS issues FROM issues');
    expect(rows[0].issues).toBe(4);
  });

  it('are enough for the watcher: runs, retries, and pruning of old rows', async () => {
    await pool.query(`
      INSERT INTO issue_buckets SELECT id, current_date - 200, hll_empty(11,5,-1,1), hll_empty(11,5,-1,1) FROM issues;
      INSERT INTO trigger_runs (ran_at, finished_at, snapshot)
        VALUES (now() - interval '8 days', now() - interval '8 days', '3:3:'), (now() - interval '8 days', now(), '3:3:')`);
    const { code, stderr, stdout } = await runCommand(['watcher', '--once', '--console-alerts'], {
      AWS_DEFAULT_REGION: 'us-east-1',
      DATABASE_URL: urlOf('watcher'),
      ALERT_EMAILS: 'oncall@example.com',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/evaluated 4 issues with 2 triggers: 4 alerts/);
    expect(stdout).toContain('pruned old rows');
    expect(stdout).not.toMatch(/permission denied/);
    const { rows } = await pool.query(
      `SELECT (SELECT count(*)::int FROM alerts WHERE status = 'sent') AS sent,
              (SELECT count(*)::int FROM issue_buckets WHERE date < current_date - 90) AS old,
              (SELECT count(*)::int FROM trigger_runs WHERE ran_at < now() - interval '7 days') AS old_runs`,
    );
    expect(rows[0]).toEqual({ sent: 4, old: 0, old_runs: 0 });
  });

  it('gain nothing by a temporary table that hides issue_activity from the functions of the owner', async () => {
    const own = 'temporary tables are searched last';
    const hide = `
      CREATE TEMP TABLE issue_activity (issue_id bigint PRIMARY KEY, last_seen timestamptz, changed_in xid8);
      CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '${own}'; END $$;
      CREATE TRIGGER note BEFORE INSERT ON issue_activity FOR EACH ROW EXECUTE FUNCTION pg_temp.note();
      GRANT ALL ON issue_activity TO PUBLIC;
      UPDATE public.issues SET changed_in = pg_current_xact_id()`;
    expect(await codeOf('processor', hide)).toBeUndefined();
  });

  it('let the watcher mark issues after a restore, which it locks first', async () => {
    const locked = 'SELECT issue_id FROM issue_activity ORDER BY issue_id FOR UPDATE';
    const mark = `UPDATE issue_activity SET changed_in = '3' WHERE issue_id IN (${locked})`;
    expect(await codeOf('watcher', mark)).toBeUndefined();
    const { rows } = await pool.query(`SELECT DISTINCT changed_in::text FROM issue_activity`);
    expect(rows).toEqual([{ changed_in: '3' }]);
  });

  it('are enough to silence an issue, to list silences and to end them', async () => {
    const env = { DATABASE_URL: urlOf('silencer'), ALERT_EMAILS: 'oncall@example.com' };
    const because = ['--because', 'known'];
    const byUsers = ['g1', '--until-users', '500', ...because, '--trigger', 'Healthcheck'];
    expect(await silence(database, byUsers, env)).toMatchObject({ code: 0, stderr: '' });
    expect(await silence(database, ['g2', '--for', '8h', ...because], env)).toMatchObject({ code: 0 });
    // The name is searched in the database.
    const slip = ['g2', '--for', '8h', ...because, '--trigger', 'Healthchek'];
    expect((await silence(database, slip, env)).stderr).toContain('is "Healthcheck" meant?');
    const listed = await runCommand(['silences'], env);
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.stdout).toMatch(/^g1 [\s\S]*^g2 /m);
    expect(await silence(database, ['g1', '--end'], env)).toMatchObject({ code: 0, stderr: '' });
    expect((await silence(database, ['g77', '--end'], env)).stderr).toMatch(
      /there is no issue g77; issues with/,
    );
  });

  it('are enough for the watcher to drop alerts, to settle silences and to delete old ones', async () => {
    await pool.query(`UPDATE issue_activity SET changed_in = pg_current_xact_id() FROM issues
                      WHERE id = issue_id AND group_id = 'g2'`);
    await addSilence(pool, 'g3', { ended_at: `'2026-01-01'`, reevaluated_at: `'2026-01-01'` });
    const { code, stdout, stderr } = await runCommand(['watcher', '--once', '--console-alerts'], {
      AWS_DEFAULT_REGION: 'us-east-1',
      DATABASE_URL: urlOf('watcher'),
      ALERT_EMAILS: 'new@example.com',
      ALERT_DIGEST: 'run',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/1 alert dropped because of a silence:\n {2}g2 /);
    expect(stdout).toMatch(/Silenced at the time of the run:\n +g2 /);
    expect(stdout).not.toMatch(/permission denied/);
    expect(await silenceRows(pool)).toMatchObject([
      { group_id: 'g1', settled: true },
      { group_id: 'g2', settled: false },
    ]);
  });

  it('are enough for bec-alerts status', async () => {
    const queue = await createQueue();
    const { code, stdout, stderr } = await runCommand(['status'], {
      ...queue.env,
      DATABASE_URL: urlOf('watcher'),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^issues +4 rows/m);
  });

  it('are enough for bec-alerts explain', async () => {
    const env = { DATABASE_URL: urlOf('watcher'), ALERT_EMAILS: 'oncall@example.com,new@example.com' };
    const { code, stdout, stderr } = await runCommand(['explain', 'g1'], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/would notify oncall@example.com, new@example.com$/m);
  });

  it('are enough for bec-alerts backtest', async () => {
    const env = { DATABASE_URL: urlOf('watcher'), ALERT_EMAILS: 'oncall@example.com' };
    const { code, stdout, stderr } = await runCommand(['backtest', '--days', '1'], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('New top crasher');
  });

  it.each([
    ['processor', 'SELECT FROM recipients'],
    ['processor', 'SELECT FROM alerts'],
    ['processor', 'DELETE FROM issues'],
    ['processor', 'DELETE FROM issue_buckets'],
    ['processor', 'TRUNCATE issues CASCADE'],
    ['processor', 'CREATE TABLE mine ()'],
    ['processor', 'DROP TABLE issue_buckets'],
    ['processor', 'ALTER TABLE issues ADD COLUMN mine text'],
    ['watcher', 'DELETE FROM issues'],
    ['watcher', `UPDATE issues SET message = ''`],
    ['watcher', `INSERT INTO issues DEFAULT VALUES`],
    ['watcher', 'UPDATE issue_buckets SET event_set = user_set'],
    ['watcher', 'TRUNCATE alerts'],
    ['watcher', 'CREATE TABLE mine ()'],
    ['watcher', 'SELECT FROM pgmigrations'],
    ['watcher', `INSERT INTO silences (issue_id, until, because, created_by) VALUES (1, now(), '', '')`],
    ['watcher', 'UPDATE silences SET until = now()'],
    ['processor', 'SELECT FROM silences'],
    ['silencer', 'SELECT FROM recipients'],
    ['silencer', 'SELECT body_text FROM alerts'],
    ['silencer', 'UPDATE silences SET because = created_by'],
    ['silencer', 'UPDATE silences SET reevaluated_at = now()'],
    ['silencer', 'DELETE FROM silences'],
    [
      'silencer',
      `INSERT INTO silences (issue_id, until, because, created_by, created_at) VALUES (1, now(), '', '', now())`,
    ],
    ['silencer', `UPDATE issues SET message = ''`],
    ['silencer', 'CREATE TABLE mine ()'],
  ])('let the %s not do: %s', async (of, sql) => {
    expect(await codeOf(of, sql)).toBe(REFUSED);
  });

  it('are created by the owner of the tables, who must be allowed to create roles the first time', async () => {
    const owned = await createDatabase();
    const [owner, made] = [user('owner'), `test_made_${process.pid}_`];
    const sql = ROLES.replaceAll('bec_alerts_', made);
    await owned.pool.query(`CREATE ROLE ${owner} LOGIN PASSWORD '${PASSWORD}'`);
    await owned.pool.query(`ALTER DATABASE ${owned.name} OWNER TO ${owner}`);
    await owned.pool.query(`DO $$ DECLARE t name; BEGIN
      FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
      LOOP EXECUTE format('ALTER TABLE %I OWNER TO ${owner}', t); END LOOP; END $$`);
    try {
      expect(await codeOf('owner', sql, owned.url)).toBe(REFUSED);
      await owned.pool.query(`ALTER ROLE ${owner} CREATEROLE`);
      expect(await codeOf('owner', sql, owned.url)).toBeUndefined();
      await owned.pool.query(`ALTER ROLE ${owner} NOCREATEROLE`);
      expect(await codeOf('owner', sql, owned.url)).toBeUndefined();
    } finally {
      const ours = 'SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)';
      for (const { rolname } of (await owned.pool.query(ours, [made])).rows) {
        await owned.pool.query(`DROP OWNED BY ${rolname}`);
        await owned.pool.query(`DROP ROLE ${rolname}`);
      }
      await owned.pool.query(`REASSIGN OWNED BY ${owner} TO CURRENT_USER`);
      await owned.pool.query(`DROP ROLE ${owner}`);
    }
  });

  it('own nothing', async () => {
    const { rows } = await pool.query(
      `SELECT relname FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner
       WHERE rolname LIKE 'bec_alerts_%' OR rolname LIKE 'test_%'`,
    );
    expect(rows).toEqual([]);
  });

  it('can be created again, which changes nothing', async () => {
    const grants = `SELECT grantee, table_name, privilege_type FROM information_schema.table_privileges
                    WHERE grantee LIKE 'bec_alerts_%' ORDER BY 1, 2, 3`;
    const before = (await pool.query(grants)).rows;
    await pool.query(ROLES);
    expect((await pool.query(grants)).rows).toEqual(before);
    expect(before.length).toBeGreaterThan(10);
  });
});
