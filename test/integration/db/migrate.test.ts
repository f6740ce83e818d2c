import pg from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { query } from '../../../dev/postgres/server.ts';
import { checkStore } from '../../../src/db/events.ts';
import type { Pool } from '../../../src/db/pool.ts';
import { createPool } from '../../../src/db/pool.ts';
import { runCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';

const LOG = { LOG_FORMAT: 'compose' };

async function tables(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

describe('bec-alerts migrate', () => {
  it('makes the schema, and does nothing the second time', async () => {
    const { url } = await createDatabase({ migrated: false });
    const first = await runCommand(['migrate'], { ...LOG, DATABASE_URL: url });
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/applied .*create-issues/);
    expect(await tables(url)).toContain('issue_buckets');
    const second = await runCommand(['migrate'], { ...LOG, DATABASE_URL: url });
    expect(second.code).toBe(0);
    expect(second.stdout).toContain('nothing to do');
  });

  it('is reachable by its old spelling', async () => {
    const { url } = await createDatabase();
    const { code, stdout } = await runCommand(['manage', 'migrate'], { ...LOG, DATABASE_URL: url });
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
  });

  it('may run in four containers at once: each migration is applied once', async () => {
    const { url } = await createDatabase({ migrated: false });
    const all = await Promise.all(
      Array.from({ length: 4 }, () => runCommand(['migrate'], { ...LOG, DATABASE_URL: url })),
    );
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const applied = all.flatMap(({ stdout }) => stdout.match(/applied migration \S+/g) ?? []);
    expect(applied.length).toBeGreaterThan(0);
    expect(new Set(applied).size).toBe(applied.length);
  });

  it('undoes the last COUNT migrations, and can apply them again', async () => {
    const { url } = await createDatabase();
    const down = await runCommand(['migrate', '--down', '99'], { ...LOG, DATABASE_URL: url });
    expect(down.code).toBe(0);
    expect(await tables(url)).toEqual(['pgmigrations']);
    const up = await runCommand(['migrate'], { ...LOG, DATABASE_URL: url });
    expect(up.code).toBe(0);
    expect(await tables(url)).toContain('alerts');
  });

  it('names the triggers of earlier notifications, as far as their alerts are kept', async () => {
    const { url, pool } = await createDatabase();
    const undone = async () => {
      const { rows } = await pool.query(
        "SELECT FROM pgmigrations WHERE name LIKE '%name-notifying-triggers'",
      );
      return rows.length === 0;
    };
    while (!(await undone())) await runCommand(['migrate', '--down', '1'], { ...LOG, DATABASE_URL: url });
    await pool.query(`
      INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
        VALUES ('g1', '7', 'm', 'x', '[]', now(), now(), pg_current_xact_id());
      INSERT INTO recipients (email) VALUES ('ann@example.com'), ('bob@example.com');
      INSERT INTO trigger_runs (ran_at, finished_at, snapshot) SELECT now(), now(), pg_current_snapshot() FROM generate_series(1, 2);
      INSERT INTO recipient_issues (recipient_id, issue_id, last_notified) VALUES (1, 1, now()), (2, 1, now());
      INSERT INTO alerts (run_id, trigger, recipient_id, issue_id, because, subject, body_text)
        VALUES (1, 'One', 1, 1, 'b', 's', 't'), (2, 'One', 1, 1, 'b', 's', 't'), (2, 'Two', 1, 1, 'b', 's', 't')`);
    await runCommand(['migrate'], { ...LOG, DATABASE_URL: url });
    const { rows } = await pool.query('SELECT triggers FROM recipient_issues ORDER BY recipient_id');
    expect(rows).toEqual([{ triggers: ['One', 'Two'] }, { triggers: [] }]);
  });

  it('returns bounced alerts to the state that the version before knows', async () => {
    const { url, pool } = await createDatabase();
    await pool.query(`
      INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
        VALUES ('g1', '7', 'm', 'x', '[]', now(), now(), pg_current_xact_id());
      INSERT INTO recipients (email) VALUES ('ann@example.com');
      INSERT INTO trigger_runs (ran_at, snapshot) SELECT now(), pg_current_snapshot();
      INSERT INTO alerts (run_id, trigger, recipient_id, issue_id, because, subject, body_text, status, last_error, bounced_at)
        VALUES (1, 'One', 1, 1, 'b', 's', 't', 'bounced', 'Bounce', now()), (1, 'Two', 1, 1, 'b', 's', 't', 'failed', 'no', NULL)`);
    const done = async () =>
      (await pool.query("SELECT FROM pgmigrations WHERE name LIKE '%mark-bounced-alerts'")).rowCount === 1;
    while (await done()) await runCommand(['migrate', '--down', '1'], { ...LOG, DATABASE_URL: url });
    const { rows } = await pool.query('SELECT status, last_error FROM alerts ORDER BY id');
    expect(rows).toEqual([
      { status: 'sent', last_error: null },
      { status: 'failed', last_error: 'no' },
    ]);
  });

  it.each(['0', '-1', 'all', '1.5'])('refuses --down %s', async (count) => {
    const { code, stderr } = await runCommand(['migrate', `--down=${count}`], {
      DATABASE_URL: inject('adminUrl'),
    });
    expect(code).toBe(2);
    expect(stderr).toContain('must be a whole number from 1 to 9999');
  });
});

/** The real server, made to look like another: a schema that is searched first replaces its own answers. */
async function disguised(sql: string): Promise<string> {
  const { url, pool } = await createDatabase({ migrated: false });
  await pool.query(`CREATE SCHEMA disguise; ${sql}`);
  return `${url}?options=${encodeURIComponent('-c search_path=disguise,pg_catalog,public')}`;
}

describe('an unfit server', () => {
  it('without hll is reported, with the package to install', async () => {
    const DATABASE_URL = await disguised(
      'CREATE VIEW disguise.pg_available_extensions AS SELECT * FROM pg_catalog.pg_available_extensions WHERE false',
    );
    const { code, stderr } = await runCommand(['migrate'], { DATABASE_URL });
    expect(code).toBe(1);
    expect(stderr).toMatch(/has no hll extension: install postgresql-hll .*postgresql-\d+-hll/);
  });

  it('older than Postgres 13 is reported, with its version', async () => {
    const DATABASE_URL = await disguised(
      `CREATE FUNCTION disguise.current_setting(name text) RETURNS text LANGUAGE sql AS
       $$ SELECT CASE name WHEN 'server_version_num' THEN '120022' ELSE '12.22' END $$`,
    );
    const { code, stderr } = await runCommand(['migrate'], { DATABASE_URL });
    expect(code).toBe(1);
    expect(stderr).toContain('this server is Postgres 12.22, but bec-alerts needs 13 or newer');
  });

  it('whose certificate is missing is reported by the variable that names it, without the password', async () => {
    const { code, stderr } = await runCommand(['migrate'], {
      DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/x?sslmode=verify-full&sslrootcert=/nonexistent.pem',
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^bec-alerts: reading the files that DATABASE_URL names failed .*nonexistent\.pem/,
    );
    expect(stderr).not.toContain('hunter2');
  });

  it('that is unreachable is reported without the password', async () => {
    const { code, stderr } = await runCommand(['migrate'], {
      DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/x',
    });
    expect(code).toBe(1);
    expect(stderr).toContain('ECONNREFUSED');
    expect(stderr).not.toContain('hunter2');
  });
});

describe('a database that the role can’t use', () => {
  const migrate = (url: string) => runCommand(['migrate'], { DATABASE_URL: url });
  const inOneLine = ({ code, stderr }: { code: number | null; stderr: string }, text: string) => {
    expect(code).toBe(1);
    expect(stderr).toContain(text);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  };

  it('because hll is in a schema where it doesn’t look is named with the remedy, which helps', async () => {
    const { url, pool, name } = await createDatabase({ migrated: false });
    await pool.query('CREATE SCHEMA extensions; CREATE EXTENSION hll SCHEMA extensions');
    inOneLine(await migrate(url), 'SET search_path = public, "extensions"');
    await pool.query(`ALTER DATABASE ${name} SET search_path = public, extensions`);
    expect(await migrate(url)).toMatchObject({ code: 0, stderr: '' });

    await pool.query(`ALTER DATABASE ${name} RESET search_path`);
    const watcher = await runCommand(['watcher', '--once', '--console-alerts'], {
      DATABASE_URL: url,
      AWS_DEFAULT_REGION: 'us-east-1',
    });
    inOneLine(watcher, 'the extension hll is in the schema extensions');
    await expect(checkStore(await freshPool(url))).rejects.toThrow(
      'the extension hll is in the schema extensions',
    );
    await pool.query(`ALTER DATABASE ${name} SET search_path = extensions`);
    await expect(checkStore(await freshPool(url))).rejects.toThrow(
      'the tables of bec-alerts are in the schema public',
    );
  });

  it('because it may not create tables is named with the remedy, which helps', async () => {
    const { url, pool } = await createDatabase({ migrated: false });
    const role = `test_migrator_${process.pid}`;
    await pool.query(`REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
    const own = new URL(url);
    own.username = role;
    own.password = 'p';
    try {
      inOneLine(await migrate(own.href), `GRANT CREATE ON SCHEMA "public" TO "${role}"`);
      await pool.query(`GRANT CREATE ON SCHEMA public TO ${role}`);
      inOneLine(await migrate(own.href), 'a superuser must run `CREATE EXTENSION hll` in this database');
      await pool.query('CREATE EXTENSION hll');
      expect(await migrate(own.href)).toMatchObject({ code: 0, stderr: '' });
    } finally {
      await pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it.each(['LATIN1', 'SQL_ASCII'])(
    'because its encoding is %s is refused, with what to do',
    async (encoding) => {
      const name = `${(await createDatabase()).name}_${encoding.toLowerCase()}`;
      const admin = new URL(inject('adminUrl'));
      await query(admin.href, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}' LOCALE 'C'`);
      try {
        admin.pathname = name;
        inOneLine(await migrate(admin.href), `has the encoding ${encoding}`);
      } finally {
        await query(inject('adminUrl'), `DROP DATABASE ${name}`);
      }
    },
  );
});

async function freshPool(connectionString: string): Promise<Pool> {
  const pool = createPool({
    connectionString,
    applicationName: 'bec-alerts test',
    max: 1,
    statementTimeoutMilliseconds: 30_000,
    onIdleError: () => undefined,
  });
  onTestFinished(() => pool.end());
  return pool;
}
