import { beforeEach, describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { DAY, HOUR } from '../../../src/domain/time.ts';
import { awayFromMidnight, happen } from '../../support/alerts.ts';
import { runCommand, startCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { triggerFile } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(async () => {
  await awayFromMidnight();
  await emptyTables(pool);
});

const ANN = 'ann@example.com';
const variables = { DATABASE_URL: database.url };
const backtest = async (body: string, parameters: readonly string[] = [], env = {}) =>
  await runCommand(['backtest', '--triggers', await always(body), ...parameters], { ...variables, ...env });

/** A trigger file with one trigger that notifies of each issue after the code. */
async function always(body: string, name = 'Always', email = ANN): Promise<string> {
  return await triggerFile(
    `[{ name: '${name}', emails: ['${email}'], async evaluate(issue, context) {
       ${body}
       return { notify: true, because: 'any', recipients: await context.neverNotified(issue, 'thisTrigger') };
     } }]`,
  );
}

const midnight = (back: number) => new Date(Math.floor(Date.now() / DAY) * DAY - back * DAY);
const noon = (back: number) => new Date(midnight(back).getTime() + 12 * HOUR);

describe('a backtest at the edge of what is stored', () => {
  it('begins at the first stored day, and names the triggers that asked about days before it', async () => {
    await happen(pool, 'steady', 3, { receivedAt: noon(20) });
    await happen(pool, 'steady', 3, { receivedAt: noon(5) });
    await pool.query('DELETE FROM issue_buckets WHERE date < $1', [midnight(6)]);
    const { stdout } = await backtest(`await context.counts(issue, { days: 3 })`, ['--days', '3650']);
    expect(stdout).toContain(`From ${midnight(5).toISOString().slice(0, 10)} 00:00:00 UTC`);
    expect(stdout.match(/^\d{4}-\d\d-\d\d {2}/gm)).toHaveLength(6);
    const text = stdout.replace(/\s+/g, ' ');
    const [first, surely] = [midnight(5), midnight(2)].map((day) => day.toISOString().slice(0, 10));
    expect(text).toContain(`Always asked about days before ${first}, which count as days without events.`);
    expect(text).toContain(`its alerts before ${surely} may be false`);
  });

  it('says nothing of earlier days if no issue is older, or if no trigger asked about them', async () => {
    await happen(pool, 'new', 3, { receivedAt: noon(2) });
    const { stdout: asked } = await backtest(`await context.counts(issue, { days: 30 })`, ['--json']);
    expect(JSON.parse(asked).files[0].triggers[0].surely_since).toBeNull();
    await pool.query(`UPDATE issues SET first_seen = first_seen - interval '9 days'`);
    const { stdout } = await backtest(`await context.counts(issue, { days: 0 })`, ['--json']);
    expect(JSON.parse(stdout).files[0].triggers[0].surely_since).toBeNull();
  });

  it('evaluates each day, also if an hour is left that the next pruning deletes', async () => {
    await happen(pool, 'late', 1, { receivedAt: noon(20) });
    for (const back of [15, 10, 3]) await happen(pool, `on day ${back}`, 1, { receivedAt: noon(back) });
    await pool.query(
      `DELETE FROM issue_hours USING issues WHERE issues.id = issue_id AND group_id IN ('on day 15', 'on day 10')`,
    );
    const { stdout } = await backtest('', ['--json']);
    const { files, hours_since } = JSON.parse(stdout);
    expect(hours_since).toBe(midnight(2).toISOString());
    expect(files[0].alerts.map(({ group_id }: { group_id: string }) => group_id)).toEqual([
      'late',
      'on day 15',
      'on day 10',
      'on day 3',
    ]);
  });

  it('knows the last alert of each trigger before it, if another trigger notified since', async () => {
    await happen(pool, 'known', 3, { receivedAt: noon(1) });
    await pool.query(`INSERT INTO recipients (email) VALUES ($1)`, [ANN]);
    await pool.query(
      `INSERT INTO recipient_issues (recipient_id, issue_id, last_notified, triggers, last_alerts)
       SELECT recipients.id, issues.id, $1::timestamptz, '{Always,Other}',
              jsonb_build_object('Always', jsonb_build_object('at', $2::text, 'events', 1, 'users', 1),
                                 'Other', jsonb_build_object('at', $3::text, 'events', 1, 'users', 1))
       FROM recipients, issues`,
      [noon(0), noon(9).toISOString(), noon(0).toISOString()],
    );
    const { stdout } = await backtest('', ['--days', '2', '--json']);
    expect(JSON.parse(stdout).files[0].alert_count).toBe(0);
  });

  it('names both triggers of which each asked for hours that are not stored', async () => {
    await happen(pool, 'g1', 3, { receivedAt: noon(20) });
    const body =
      'async evaluate(issue, context) { await context.counts(issue, { hours: 1 }); return { notify: false }; }';
    const file = await triggerFile(`['One', 'Two'].map((name) => ({ name, emails: ['${ANN}'], ${body} }))`);
    const { stdout } = await runCommand(['backtest', '--triggers', file], variables);
    expect(stdout.replace(/\s+/g, ' ')).toContain('One, Two asked for hours that are not stored');
  });

  it('counts the alerts of a recipient that is stored in another spelling', async () => {
    await happen(pool, 'g1', 3, { receivedAt: noon(1) });
    await pool.query(`INSERT INTO recipients (email) VALUES ('Ann@Example.com')`);
    const { stdout } = await backtest('', ['--against', await always('', 'Other')]);
    expect(stdout).toMatch(/Always +1 +Ann@Example\.com +1\n/);
    expect(stdout).not.toContain('no recipient in common');
  });

  it('says so if two files have no recipient in common', async () => {
    await happen(pool, 'g1', 3, { receivedAt: noon(1) });
    const against = await always('', 'Other', 'bob@example.com');
    const { stdout } = await backtest('', ['--against', against]);
    expect(stdout).toContain('The two have no recipient in common, so every alert is listed.');
  });
});

describe('a backtest', () => {
  it('keeps what triggers print out of its JSON', async () => {
    await happen(pool, 'g1', 1, { receivedAt: noon(1) });
    const { stdout, stderr } = await backtest(`console.log('from the trigger')`, ['--json']);
    expect(JSON.parse(stdout).files[0].alert_count).toBe(1);
    expect(stderr).toContain('from the trigger');
  });

  it('sees the past with other settings of the database', async () => {
    await happen(pool, 'g1', 2, { receivedAt: noon(2) });
    await happen(pool, 'g1', 3, { receivedAt: noon(1) });
    const name = (await pool.query('SELECT quote_ident(current_database()) AS name')).rows[0].name;
    const body = `const { events } = await context.counts(issue, { days: 30 });
                  if (events > 0) return { notify: true, because: 'it had ' + events };`;
    const file = await always(body);
    const run = () => runCommand(['backtest', '--triggers', file, '--json'], variables);
    const before = await run();
    await pool.query(
      `ALTER DATABASE ${name} SET search_path = public, pg_temp; ALTER DATABASE ${name} SET DateStyle = 'SQL, DMY';
       ALTER DATABASE ${name} SET default_transaction_read_only = on`,
    );
    try {
      const { code, stdout, stderr } = await run();
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const reasons = (text: string) =>
        JSON.parse(text).files[0].alerts.map(({ because }: { because: string }) => because);
      expect(reasons(stdout)).toEqual(reasons(before.stdout));
      expect(reasons(stdout)).toEqual(['it had 2', 'it had 5']);
    } finally {
      await pool.query(`SET default_transaction_read_only = off; ALTER DATABASE ${name} RESET ALL`);
    }
  });

  it('ends at a signal with exit 0 and without a report', async () => {
    await happen(pool, 'g1', 1, { receivedAt: noon(1) });
    const file = await always(
      `console.error('waiting'); await new Promise(() => setInterval(() => {}, 1e6))`,
    );
    const command = startCommand(['backtest', '--triggers', file], variables);
    await command.printed(/waiting/);
    command.child.kill('SIGTERM');
    const { code, stdout, stderr } = await command.finished;
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toContain('the backtest was stopped before its end');
  });

  it('fails with the error of the database, not with one of the triggers', async () => {
    await happen(pool, 'g1', 1, { receivedAt: noon(1) });
    const file = await always(
      `for (let days = 0; days < 3650; days++) await context.series(issue, { days: days % 300 }), await context.tags(issue, 'os', { days });`,
    );
    const command = startCommand(['backtest', '--triggers', file], variables);
    await poll('the end of its session', async () => {
      const { rowCount } = await pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'bec-alerts backtest' AND query LIKE '%issue_tags%' AND datname = current_database()`,
      );
      return (rowCount ?? 0) > 0 || undefined;
    });
    const { code, stdout, stderr } = await command.finished;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('testing triggers on the past failed');
  });
});
