import { describe, expect, inject, it } from 'vitest';
import { records, runCommand, startCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { startOldSentry } from '../../support/old-sentry.ts';
import { startProcessor } from '../../support/processor.ts';
import { createQueue } from '../../support/queue.ts';

/** Nothing listens there. */
const AWAY = 'postgres://someone@127.0.0.1:1/nothing';
const REFUSED = 'connect ECONNREFUSED 127.0.0.1:1';
const AWS = {
  AWS_DEFAULT_REGION: 'us-east-1',
  SES_ENDPOINT_URL: 'http://127.0.0.1:1',
  SES_MAX_SEND_RATE: '1',
  ALERT_EMAILS: 'oncall@example.com',
};

const wrongUser = () => {
  const url = new URL(inject('adminUrl'));
  url.username = 'bec_alerts_absent';
  return url.href;
};
const absent = () => {
  const url = new URL(inject('adminUrl'));
  url.pathname = '/absent';
  return url.href;
};
const notMigrated = async () => (await createDatabase({ migrated: false })).url;

describe('a database that can’t be used', () => {
  it.each([
    ['is unreachable', () => AWAY, `database_unavailable: reaching the database failed (${REFUSED})`],
    ['knows no such user', wrongUser, /database_unavailable: .*\(28(P01|000) .*\); check DATABASE_URL/],
    ['is absent', absent, /database_unavailable: .*\(3D000 .*\); check DATABASE_URL/],
    ['is not migrated', notMigrated, /database_not_migrated: .*\(42P01 .*\); run `bec-alerts migrate` first/],
  ])('is one line of watcher --once for a person, where it %s', async (_, url, expected) => {
    const env = { ...AWS, DATABASE_URL: await url(), LOG_FORMAT: 'compose' };
    const { code, stdout, stderr } = await runCommand(['watcher', '--once'], env);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/^watcher \| ERROR \| the run failed; [^\n]*\n$/);
    if (typeof expected === 'string') expect(stdout).toContain(expected);
    else expect(stdout).toMatch(expected);
  });

  it('is a record without a stack in mozlog, and a line on standard error', async () => {
    const env = { ...AWS, DATABASE_URL: AWAY };
    const { code, stdout, stderr } = await runCommand(['watcher', '--once'], env);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `bec-alerts: reaching the database failed (${REFUSED})\n`,
    });
    const [record, ...more] = records(stdout);
    expect(more).toEqual([]);
    expect(record?.Fields).toEqual({
      msg: 'the run failed; the next one evaluates the same issues',
      error: `database_unavailable: reaching the database failed (${REFUSED})`,
    });
  });

  it('has a stack at DEBUG, and is printed on standard error where the log is silent', async () => {
    const env = { ...AWS, DATABASE_URL: AWAY };
    const { stdout } = await runCommand(['watcher', '--once'], { ...env, LOG_LEVEL: 'DEBUG' });
    expect(records(stdout)[0]?.Fields.traceback).toMatch(/\n {4}at checkDatabase /);
    const silent = { ...env, LOG_FORMAT: 'compose', LOG_LEVEL: 'CRITICAL' };
    expect(await runCommand(['watcher', '--once'], silent)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(REFUSED),
    });
  });

  it('is still reported to our own Sentry', async () => {
    const sentry = await startOldSentry({ other: 404, store: 200 });
    await runCommand(['watcher', '--once'], { ...AWS, DATABASE_URL: AWAY, SENTRY_DSN: sentry.dsn() });
    expect(JSON.stringify(sentry.events())).toContain(REFUSED);
  });

  it('is one line for each attempt of a daemon', async () => {
    const compose = { LOG_FORMAT: 'compose', LOG_LEVEL: 'INFO' };
    const watcher = startCommand(['watcher'], {
      ...AWS,
      ...compose,
      DATABASE_URL: AWAY,
      WATCHER_SLEEP_DELAY: '0.2',
      PORT: '0',
    });
    const queue = await createQueue();
    const database = { ...(await createDatabase()), url: AWAY };
    const processor = startProcessor(queue, database, compose);
    const [, port = ''] = await watcher.printed(/port=(\d+)/);
    await fetch(`http://127.0.0.1:${port}/__heartbeat__`);
    await watcher.printed(/a health check failed check=postgres/);
    await watcher.printed(/the run failed[\s\S]*?delivery failed/, 2);
    await processor.printed(/the worker failed and tries again[^\n]*ECONNREFUSED/, 2);
    for (const daemon of [watcher, processor]) {
      daemon.child.kill('SIGTERM');
      const { stdout, stderr } = await daemon.finished;
      expect(stderr).toBe('');
      const lines = stdout.trimEnd().split('\n');
      expect(lines.filter((line) => !/^(watcher|processor|worker-\d+) \| [A-Z]+ \| /.test(line))).toEqual([]);
    }
  });
});
