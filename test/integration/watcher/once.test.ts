import { beforeEach, describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { clearEmails, storedEmails } from '../../../dev/services.ts';
import { storeEvents } from '../../../src/db/events.ts';
import { RUN_LOCK } from '../../../src/db/locks.ts';
import { records } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';
import { createLocalSes } from '../../support/local-ses.ts';
import { hold, watcherWaits } from '../../support/locks.ts';
import { startSesStandIn } from '../../support/ses.ts';
import { listenForMetrics } from '../../support/statsd.ts';
import {
  contents,
  everyEventFile,
  ON_CALL,
  outbox,
  runs,
  runWatcher,
  startWatcher,
} from '../../support/watcher.ts';

const database = await createDatabase();
const unmigrated = await createDatabase({ migrated: false });
const { pool } = database;
const ses = await createLocalSes();
beforeEach(async () => {
  await emptyTables(pool);
  await clearEmails(ses.endpoint);
});

const run = (parameters: readonly string[] = [], env: Record<string, string | undefined> = {}) =>
  runWatcher(database, ses.endpoint, parameters, env);
const said = (output: string) => records(output).map(({ Fields }) => String(Fields.msg));
const HEALTHCHECK = 'bec-alerts-healthcheck: all the way';

describe('bec-alerts watcher --once', () => {
  it('evaluates changed issues, mails the alert through SES and keeps a record of all of it', async () => {
    await storeEvents(pool, [
      errorEvent({ groupId: 'healthy', message: HEALTHCHECK }),
      errorEvent({ groupId: 'other' }),
    ]);
    const { code, stdout, stderr } = await run();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(said(stdout)).toContain('evaluated 2 issues with 2 triggers: 1 alert');
    expect(records(stdout).filter(({ Severity }) => Number(Severity) < 6)).toEqual([]);
    expect(await runs(pool)).toEqual([{ finished: true, issue_count: 2, alert_count: 1 }]);

    const [email, ...more] = await storedEmails(ses.endpoint);
    expect(more).toEqual([]);
    expect(email).toMatchObject({
      from: 'bec-alerts@example.com',
      to: [ON_CALL],
      subject: `${HEALTHCHECK} · Healthcheck [Firefox Browser Errors]`,
    });
    expect(email?.text).toContain('at render(app:20:7)');
    expect(await outbox(pool)).toMatchObject([
      {
        trigger: 'Healthcheck',
        email: ON_CALL,
        group_id: 'healthy',
        status: 'sent',
        attempts: 1,
        ses_message_id: email?.messageId,
      },
    ]);
    const { rows } = await pool.query(
      `SELECT email, group_id, last_notified = ran_at AS at_the_run FROM recipient_issues
       JOIN recipients ON recipients.id = recipient_id JOIN issues ON issues.id = issue_id, trigger_runs`,
    );
    expect(rows).toEqual([{ email: ON_CALL, group_id: 'healthy', at_the_run: true }]);
  });

  it('evaluates an issue again only if it had a new event', async () => {
    const TRIGGERS = await everyEventFile();
    await storeEvents(pool, [errorEvent({ groupId: 'a' }), errorEvent({ groupId: 'b' })]);
    await run([], { TRIGGERS });
    await run([], { TRIGGERS });
    await storeEvents(pool, [errorEvent({ groupId: 'b' })]);
    await run([], { TRIGGERS });
    expect((await runs(pool)).map(({ issue_count }) => issue_count)).toEqual([2, 0, 1]);
    expect((await outbox(pool)).map(({ group_id }) => group_id)).toEqual(['a', 'b', 'b']);
    expect(await storedEmails(ses.endpoint)).toHaveLength(3);
  });

  it('evaluates an event that waited an hour in the queue in the first run after it was stored', async () => {
    const TRIGGERS = await everyEventFile();
    await run([], { TRIGGERS });
    await storeEvents(pool, [errorEvent({ receivedAt: new Date(Date.now() - 3_600_000) })]);
    await run([], { TRIGGERS });
    expect((await runs(pool)).map(({ issue_count }) => issue_count)).toEqual([0, 1]);
  });

  it('says so where nothing changed, on an empty database too', async () => {
    const { code, stdout } = await run();
    expect(code).toBe(0);
    expect(said(stdout)).toContain('evaluated 0 issues with 2 triggers: 0 alerts');
    expect(await runs(pool)).toEqual([{ finished: true, issue_count: 0, alert_count: 0 }]);
  });

  it('exits 1 with what to do where the database was never migrated, and leaves no alert behind', async () => {
    const { code, stderr } = await runWatcher(unmigrated, ses.endpoint);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^bec-alerts: .*run `bec-alerts migrate` first/);
  });
});

describe('--dry-run', () => {
  it('lists its alerts and leaves no row behind, with --console-alerts the emails themselves', async () => {
    await storeEvents(pool, [errorEvent({ groupId: 'healthy', message: HEALTHCHECK })]);
    const before = await contents(pool);
    const { code, stdout } = await run(['--dry-run', '--console-alerts']);
    expect(code).toBe(0);
    expect(said(stdout)).toContain('evaluated 1 issue with 2 triggers: 1 alert');
    expect(stdout).toContain(
      `To: ${ON_CALL}\nSubject: ${HEALTHCHECK} · Healthcheck [Firefox Browser Errors]\n\n    ${HEALTHCHECK}\n`,
    );
    expect(await contents(pool)).toEqual(before);
    expect(await storedEmails(ses.endpoint)).toEqual([]);
  });

  it('logs the emails that it would send without --console-alerts, and the next real run evaluates the same', async () => {
    await storeEvents(pool, [errorEvent({ message: HEALTHCHECK })]);
    const { stdout } = await run(['--dry-run']);
    const would = records(stdout).find(({ Fields }) => Fields.msg === 'dry run: would send an email');
    expect(would?.Fields).toMatchObject({ to: ON_CALL, subject: expect.stringContaining(HEALTHCHECK) });
    await run();
    expect(await outbox(pool)).toHaveLength(1);
  });

  it('delivers nothing that waits in the outbox', async () => {
    await storeEvents(pool, [errorEvent({ message: HEALTHCHECK })]);
    await run([], { SES_ENDPOINT_URL: 'http://127.0.0.1:1' });
    await pool.query(`UPDATE alerts SET next_attempt_at = now() - interval '1 day'`);
    const before = await contents(pool);
    await run(['--dry-run']);
    expect(await contents(pool)).toEqual(before);
    expect(await storedEmails(ses.endpoint)).toEqual([]);
  });
});

describe('--console-alerts', () => {
  it('prints recipient, subject and indented body instead of mailing, and counts that as delivered', async () => {
    await storeEvents(pool, [errorEvent({ message: HEALTHCHECK })]);
    const { stdout } = await run(['--console-alerts']);
    expect(stdout).toContain(
      `To: ${ON_CALL}\nSubject: ${HEALTHCHECK} · Healthcheck [Firefox Browser Errors]\n`,
    );
    expect(stdout).toMatch(/\n {4}.*at render\(app:20:7\)\n/);
    expect(await outbox(pool)).toMatchObject([{ status: 'sent', ses_message_id: null }]);
    expect(await storedEmails(ses.endpoint)).toEqual([]);
  });
});

describe('the health counter', () => {
  it('counts one for each run that finished, by the name given', async () => {
    const agent = await listenForMetrics();
    await run([], { ...agent.env, DATADOG_COUNTER_NAME: 'custom.health' });
    const health = () => agent.metrics().filter((line) => line.startsWith('custom.health:'));
    await poll('the counter', async () => (health().length > 0 ? true : undefined));
    expect(health()).toEqual([expect.stringMatching(/^custom\.health:1\|c/)]);
    expect(agent.metrics().join('\n')).toMatch(/^bec-alerts\.watcher\.run\.duration:\d+\|d/m);
  });

  it('counts neither a run that failed, which is reported as an error, nor a dry one', async () => {
    const agent = await listenForMetrics();
    await pool.query('ALTER TABLE recipient_issues RENAME TO away');
    try {
      const TRIGGERS = await everyEventFile();
      await storeEvents(pool, [errorEvent()]);
      const { code, stdout } = await run([], { ...agent.env, TRIGGERS });
      expect(code).toBe(1);
      expect(said(stdout)).toContain('the run failed; the next one evaluates the same issues');
    } finally {
      await pool.query('ALTER TABLE away RENAME TO recipient_issues');
    }
    await run(['--dry-run'], agent.env);
    // A last one that counts: packets of one machine arrive in order, so nothing is still on its way after it.
    await run([], { ...agent.env, DATADOG_COUNTER_NAME: 'the.last' });
    const last = async () => agent.metrics().find((line) => line.startsWith('the.last:1'));
    await poll('the last counter', last);
    expect(agent.metrics().filter((line) => line.includes('watcher.health'))).toEqual([]);
    expect(agent.metrics().join('\n')).toMatch(/^bec-alerts\.watcher\.errors:1\|c\|#what:run/m);
  });
});

describe('--verify-email', () => {
  it('asks SES to verify the From address', async () => {
    const standIn = await startSesStandIn();
    const { code, stdout } = await runWatcher(database, standIn.endpoint, ['--verify-email']);
    expect(code).toBe(0);
    const asked = standIn.requests.filter(({ action }) => action === 'VerifyEmailIdentity');
    expect(asked.map(({ fields }) => fields.get('EmailAddress'))).toEqual(['bec-alerts@example.com']);
    expect(said(stdout).join('\n')).toContain('asked SES to verify the From address');
  });

  it('does not stop the run when SES refuses', async () => {
    const standIn = await startSesStandIn();
    standIn.answer(() => ({ status: 403, code: 'AccessDenied', message: 'no' }));
    const { code, stdout } = await runWatcher(database, standIn.endpoint, ['--verify-email']);
    expect(code).toBe(0);
    expect(said(stdout).join('\n')).toContain('asking SES to verify the From address failed');
    expect(await runs(pool)).toHaveLength(1);
  });

  it.each(['--dry-run', '--console-alerts'])('asks nothing with %s, and says so', async (option) => {
    const standIn = await startSesStandIn();
    const { code, stdout } = await runWatcher(database, standIn.endpoint, ['--verify-email', option]);
    expect(code).toBe(0);
    expect(standIn.requests.map(({ action }) => action)).not.toContain('VerifyEmailIdentity');
    expect(said(stdout).join('\n')).toContain('SES_VERIFY_EMAIL has no effect');
  });

  it('is not asked without the option', async () => {
    const standIn = await startSesStandIn();
    await runWatcher(database, standIn.endpoint);
    expect(standIn.requests.map(({ action }) => action)).not.toContain('VerifyEmailIdentity');
  });
});

describe('--once that waits for another watcher’s run', () => {
  it('ends at SIGTERM at once, with exit 0', async () => {
    const lock = await hold(pool, `SELECT pg_advisory_xact_lock(${RUN_LOCK})`);
    const watcher = startWatcher(database, ses.endpoint, ['--once']);
    await watcherWaits(pool, /pg_advisory_xact_lock/);
    watcher.child.kill('SIGTERM');
    expect(await watcher.finished).toMatchObject({ code: 0, stderr: '' });
    await lock.release();
  });
});
