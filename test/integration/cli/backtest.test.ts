import { beforeEach, describe, expect, it } from 'vitest';
import { DAY, firstHour, HOUR } from '../../../src/domain/time.ts';
import { happen } from '../../support/alerts.ts';
import { runCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { contents, triggerFile } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(() => emptyTables(pool));

const ANN = 'ann@example.com';
const variables = { DATABASE_URL: database.url, ALERT_EMAILS: ANN };
const backtest = (parameters: readonly string[], env = {}) =>
  runCommand(['backtest', ...parameters], { ...variables, ...env });

const anyEvent = (name: string, more = '') =>
  triggerFile(
    `[{ name: '${name}', emails: ['${ANN}'], async evaluate(issue, context) {
       ${more}
       return { notify: true, because: 'it had an event', recipients: await context.neverNotified(issue) };
     } }]`,
  );

/** The middle of the UTC hour that began so many hours ago. */
function inHour(hoursAgo: number): Date {
  return new Date(firstHour(new Date(), hoursAgo).getTime() + HOUR / 2);
}

describe('bec-alerts backtest', () => {
  it('reports the alerts of the past by trigger, recipient and day, and stores nothing', async () => {
    await happen(pool, 'old', 300, { receivedAt: inHour(50), message: 'TypeError:\n\u001b[31m old' });
    await happen(pool, 'new', 250, { receivedAt: inHour(2) });
    const before = await contents(pool);
    const { code, stdout, stderr } = await backtest(['--days', '3']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('the built-in triggers: 2 alerts about 2 issues');
    expect(stdout).toMatch(/New top crasher +2 +ann@example\.com +2\n/);
    expect(stdout).toMatch(/Healthcheck +0 +ann@example\.com +0\n/);
    const day = inHour(50).toISOString().slice(0, 10);
    expect(stdout).toMatch(new RegExp(`${day} +1 +█`));
    expect(stdout).toMatch(/Most alerts about one issue: 1, old TypeError: \[31m old\n/);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(await contents(pool)).toEqual(before);
  });

  it('says so if nothing is stored, and if no trigger has recipients', async () => {
    const { code, stdout } = await backtest(['--days', '1'], { ALERT_EMAILS: '' });
    expect(code).toBe(0);
    expect(stdout).toContain('the built-in triggers: 0 alerts about 0 issues');
    expect(stdout).toContain('No events are stored, so there is nothing to evaluate.');
    expect(stdout).toMatch(/New top crasher +0 +nobody: set ALERT_EMAILS +0\n/);
  });

  it('prints JSON with each alert', async () => {
    await happen(pool, 'g1', 3, { receivedAt: inHour(3) });
    const { code, stdout } = await backtest(['--days', '1', '--triggers', await anyEvent('Any'), '--json']);
    expect(code).toBe(0);
    const { day_steps, hour_steps, files } = JSON.parse(stdout);
    expect(day_steps + hour_steps).toBeGreaterThan(1);
    const end = new Date(inHour(3).getTime() + HOUR / 2 - 1);
    expect(files).toMatchObject([
      {
        alert_count: 1,
        triggers: [{ trigger: 'Any', notified: 1, declined: 0, errors: [] }],
        alerts: [
          {
            at: end.toISOString(),
            recipient: ANN,
            trigger: 'Any',
            group_id: 'g1',
            because: 'it had an event',
          },
        ],
      },
    ]);
  });

  it('compares two files: each issue and recipient that only one of them has', async () => {
    await happen(pool, 'rare', 3, { receivedAt: inHour(4) });
    await happen(pool, 'often', 300, { receivedAt: inHour(4) });
    const file = await anyEvent('Any');
    const { stdout } = await backtest(['--days', '1', '--triggers', file, '--against', 'built-in']);
    expect(stdout).toContain(`Issues that only ${file} would have sent to a recipient: 1`.slice(0, 60));
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'ann@example.com Any: rare issue rare, because it had an event',
    );
    expect(stdout).toContain('Issues that only the built-in triggers would have sent to a recipient: 0');
  });

  it('knows who was notified before its first step, and forgets what came later', async () => {
    await happen(pool, 'known', 3, { receivedAt: inHour(5) });
    await happen(pool, 'notified since', 3, { receivedAt: inHour(5) });
    await pool.query(`INSERT INTO recipients (email) VALUES ($1)`, [ANN]);
    const notified = `INSERT INTO recipient_issues (recipient_id, issue_id, last_notified)
                      SELECT recipients.id, issues.id, $2 FROM recipients, issues WHERE group_id = $1`;
    await pool.query(notified, ['known', new Date(Date.now() - 9 * DAY)]);
    await pool.query(notified, ['notified since', inHour(4)]);
    const { stdout } = await backtest(['--days', '1', '--triggers', await anyEvent('Any'), '--json']);
    const [{ alerts }] = JSON.parse(stdout).files;
    expect(alerts.map(({ group_id }: { group_id: string }) => group_id)).toEqual(['notified since']);
  });

  it('counts an hour that is not stored as a 24th of its day, and says which triggers asked for one', async () => {
    const midnight = new Date(Math.floor(Date.now() / DAY) * DAY);
    await happen(pool, 'g1', 48, { receivedAt: new Date(midnight.getTime() - 12 * HOUR) });
    await happen(pool, 'g1', 1, { receivedAt: midnight });
    await pool.query('DELETE FROM issue_hours WHERE hour < $1', [midnight]);
    const file = await triggerFile(
      `[{ name: 'Hours', emails: ['${ANN}'], async evaluate(issue, context) {
         const { events } = await context.counts(issue, { hours: 60 });
         const series = await context.series(issue, { hours: 60 });
         return { notify: true, because: events + ' ' + Math.max(...series.map((hour) => hour.events)) };
       } }]`,
    );
    const { stdout } = await backtest(['--days', '0', '--triggers', file, '--json']);
    const { files, not_known, hours_since } = JSON.parse(stdout);
    expect(hours_since).toBe(midnight.toISOString());
    expect(files[0].triggers[0].estimated_hours).toBe(true);
    expect(files[0].alerts.at(-1).because).toBe('49 2');
    expect(not_known.join('\n')).toContain('Hours asked for hours that are not stored');
  });

  it('exits 1 if a trigger throws, and reports the others', async () => {
    await happen(pool, 'g1', 3, { receivedAt: inHour(3) });
    const file = await anyEvent('Faulty', `if (issue.groupId === 'g1') throw new Error('no luck');`);
    const { code, stdout, stderr } = await backtest(['--days', '1', '--triggers', file]);
    expect(code).toBe(1);
    expect(stdout).toContain('Faulty failed on 1 evaluation: no luck');
    expect(stderr).toContain('1 trigger threw (Faulty)');
  });

  it('refuses a wrong number of days and a file that is missing, with exit 2', async () => {
    const wrong = await backtest(['--days', 'many']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('BACKTEST_DAYS');
    const missing = await backtest(['--against', '/nowhere/triggers.ts']);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('there is no such file');
  });

  it('works while another session holds the lock of a run', async () => {
    const client = await pool.connect();
    try {
      await client.query(`SELECT pg_advisory_lock(${0x626563_01})`);
      expect((await backtest(['--days', '0'])).code).toBe(0);
    } finally {
      await client.query('SELECT pg_advisory_unlock_all()');
      client.release();
    }
  });
});
