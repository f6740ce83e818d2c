import { beforeEach, describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { clearEmails, storedEmails } from '../../../dev/services.ts';
import { storeEvents } from '../../../src/db/events.ts';
import { records } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';
import { createLocalSes } from '../../support/local-ses.ts';
import { hold, watcherWaits } from '../../support/locks.ts';
import { everyEventFile, runs, settled, startWatcher, triggerFile } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
const ses = await createLocalSes();
beforeEach(async () => {
  await emptyTables(pool);
  await clearEmails(ses.endpoint);
});

const emails = (count: number) =>
  poll(`${count} emails`, async () => {
    const stored = await storedEmails(ses.endpoint);
    return stored.length >= count ? stored : undefined;
  });

describe('the watcher as a daemon', () => {
  it('runs every interval and evaluates the issues that changed in between', async () => {
    const TRIGGERS = await everyEventFile();
    await storeEvents(pool, [errorEvent({ groupId: 'first', message: 'first' })]);
    startWatcher(database, ses.endpoint, [], { TRIGGERS });
    await emails(1);
    await storeEvents(pool, [errorEvent({ groupId: 'second', message: 'second' })]);
    const stored = await emails(2);
    expect(stored.map(({ subject }) => subject.split(' · ')[0])).toEqual(['first', 'second']);
    expect((await runs(pool)).length).toBeGreaterThanOrEqual(2);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('exits 0 at %s, in the middle of its wait', async (signal) => {
    const watcher = startWatcher(database, ses.endpoint, [], { WATCHER_SLEEP_DELAY: '300' });
    await watcher.printed(/evaluated 0 issues/);
    watcher.child.kill(signal);
    const { code, stdout, stderr } = await watcher.finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(records(stdout).at(-1)?.Fields.msg).toBe('stopped');
  });

  it.each(['issues', 'issue_buckets'])(
    'exits 0 at SIGTERM, in the middle of a statement on %s',
    async (table) => {
      const TRIGGERS = await triggerFile(`[{ name: 'Asks', emails: ['ann@example.com'],
      evaluate: async (issue, context) => ({ notify: (await context.top({ days: 7, limit: 1 })).length > 9 }) }]`);
      await storeEvents(pool, [errorEvent()]);
      await hold(pool, `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      const watcher = startWatcher(database, ses.endpoint, [], { TRIGGERS });
      await watcherWaits(pool, new RegExp(table));
      watcher.child.kill('SIGTERM');
      const { code, stdout, stderr } = await watcher.finished;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(records(stdout).filter(({ Severity }) => Number(Severity) < 6)).toEqual([]);
      expect(await runs(pool)).toEqual([]);
    },
  );

  it('keeps its rhythm over a restart: no run before the interval has passed', async () => {
    const env = { WATCHER_SLEEP_DELAY: '300' };
    const first = startWatcher(database, ses.endpoint, [], env);
    await first.printed(/evaluated 0 issues/);
    first.child.kill('SIGTERM');
    await first.finished;
    const second = startWatcher(database, ses.endpoint, [], env);
    await second.printed(/the next run is due in/);
    second.child.kill('SIGTERM');
    await second.finished;
    expect(await runs(pool)).toHaveLength(1);
  });

  it('survives a database that is unreachable: it says what is wrong and continues by itself', async () => {
    const TRIGGERS = await everyEventFile();
    await storeEvents(pool, [errorEvent()]);
    await pool.query('ALTER TABLE issue_buckets RENAME TO away');
    const watcher = startWatcher(database, ses.endpoint, [], { TRIGGERS });
    try {
      await watcher.printed(/run `bec-alerts migrate` first/, 2);
    } finally {
      await pool.query('ALTER TABLE away RENAME TO issue_buckets');
    }
    await emails(1);
    expect(await settled(pool, 1)).toMatchObject([{ status: 'sent' }]);
  });

  it('survives a connection that breaks in the middle', async () => {
    const TRIGGERS = await everyEventFile();
    const watcher = startWatcher(database, ses.endpoint, [], { TRIGGERS });
    await watcher.printed(/evaluated 0 issues/);
    await pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'bec-alerts watcher'`,
    );
    await storeEvents(pool, [errorEvent()]);
    await emails(1);
    expect(await settled(pool, 1)).toMatchObject([{ status: 'sent' }]);
    expect(watcher.child.exitCode).toBeNull();
  });
});
