import { describe, expect, inject, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { query } from '../../../dev/postgres/server.ts';
import { storeEvents } from '../../../src/db/events.ts';
import { runCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { errorEvent, forwarded } from '../../support/events.ts';
import { startFaultyQueue } from '../../support/faulty-queue.ts';
import { backendGone, hold, watcherWaits } from '../../support/locks.ts';
import { startPgBouncer } from '../../support/pgbouncer.ts';
import { countedEvents, drained, startProcessor } from '../../support/processor.ts';
import { createQueue, sendBodies } from '../../support/queue.ts';
import type { SesStandIn } from '../../support/ses.ts';
import { startSesStandIn } from '../../support/ses.ts';
import { startStrictProxy } from '../../support/strict-proxy.ts';
import { everyEventFile, settled, startWatcher } from '../../support/watcher.ts';
import { bothOutcomes, usualOutcome } from '../../support/whole-way.ts';

/** For two watchers, each with a run and the two connections of a delivery, and a few more. */
const SERVER_CONNECTIONS = 8;
describe('on a direct connection', () => {
  it('every event is counted, and every issue mailed once to each recipient in each of the two runs', async () => {
    const { stored, alerts, emails } = await usualOutcome();
    expect(stored).toHaveLength(9);
    expect(alerts).toHaveLength(36);
    expect(emails).toHaveLength(36);
  });
});

describe.each(['session', 'transaction'] as const)('behind PgBouncer in %s mode', (mode) => {
  it('events, runs, emails and answers are those of a direct connection', async () => {
    const { way, outcome, usual } = await bothOutcomes(async () => {
      const database = await createDatabase();
      return { database, ...(await startPgBouncer(database.url, mode, SERVER_CONNECTIONS)) };
    });
    expect(outcome).toEqual(usual);
    expect(way.log()).not.toMatch(/ERROR|WARNING.*(unsupported|prepared)/);
    const { rows } = await way.database.pool.query(
      `SELECT FROM pg_locks WHERE locktype = 'advisory'
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    expect(rows).toEqual([]);
  });

  it('migrate makes the schema, also from two places at once, and undoes it', async () => {
    const database = await createDatabase({ migrated: false });
    const { url } = await startPgBouncer(database.url, mode, 4);
    const migrate = (...parameters: string[]) =>
      runCommand(['migrate', ...parameters], { DATABASE_URL: url });
    for (const { code, stderr } of await Promise.all([migrate(), migrate()])) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
    expect((await migrate()).stdout).toContain('nothing to do');
    expect(await migrate('--down', '1')).toMatchObject({ code: 0, stderr: '' });
    expect(await migrate()).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('behind a proxy that refuses options', () => {
  it('events, runs, emails and answers are those of a direct connection', async () => {
    const { way, outcome, usual } = await bothOutcomes(async () => {
      const database = await createDatabase();
      return { database, ...(await startStrictProxy(database.url)) };
    });
    expect(outcome).toEqual(usual);
    expect(way.refused).toEqual([]);
  });
});

describe('a watcher that is killed behind PgBouncer', () => {
  it('leaves its locks to the next one', async () => {
    const database = await createDatabase();
    const { url } = await startPgBouncer(database.url, 'transaction', SERVER_CONNECTIONS);
    const ses = await startSesStandIn();
    const TRIGGERS = await everyEventFile();
    await storeEvents(database.pool, [errorEvent({ groupId: 'a' })]);
    const lock = await hold(database.pool, 'LOCK TABLE alerts IN SHARE MODE');
    const watcher = startWatcher({ ...database, url }, ses.endpoint, [], { TRIGGERS });
    const pid = await watcherWaits(database.pool, /INSERT INTO alerts/);
    watcher.child.kill('SIGKILL');
    await backendGone(database.pool, pid);
    await lock.release();
    startWatcher({ ...database, url }, ses.endpoint, [], { TRIGGERS });
    expect(await settled(database.pool, 1)).toMatchObject([{ group_id: 'a', status: 'sent' }]);
    expect(ses.taken).toHaveLength(1);
  });

  it('while it delivers leaves the other emails to the next one', async () => {
    const database = await createDatabase();
    const { url } = await startPgBouncer(database.url, 'transaction', SERVER_CONNECTIONS);
    const ses = await startSesStandIn();
    const TRIGGERS = await everyEventFile();
    await storeEvents(database.pool, [errorEvent({ groupId: 'a' }), errorEvent({ groupId: 'b' })]);
    ses.answer(({ action }) => (action === 'SendRawEmail' ? 'silence' : {}));
    const watcher = startWatcher({ ...database, url }, ses.endpoint, [], { TRIGGERS });
    await poll('an email to SES', async () => (ses.taken.length + sends(ses) > 0 ? true : undefined));
    watcher.child.kill('SIGKILL');
    await watcher.finished;
    ses.answer(() => ({}));
    await database.pool.query(`UPDATE alerts SET next_attempt_at = now()`);
    startWatcher({ ...database, url }, ses.endpoint, [], { TRIGGERS });
    const alerts = await settled(database.pool, 2);
    expect(alerts.map(({ group_id, status }) => `${group_id} ${status}`)).toEqual(['a sent', 'b sent']);
    expect(ses.taken).toHaveLength(2);
  });
});

const sends = ({ requests }: SesStandIn) => requests.filter(({ action }) => action === 'SendRawEmail').length;

describe('a processor behind PgBouncer', () => {
  it('receives nothing while Postgres refuses connections, and continues by itself', async () => {
    const database = await createDatabase();
    const { url } = await startPgBouncer(database.url, 'transaction', SERVER_CONNECTIONS);
    const queue = await createQueue();
    const way = await startFaultyQueue(queue.endpoint);
    const admit = (yes: boolean) =>
      query(
        inject('adminUrl'),
        `ALTER DATABASE ${database.name} ALLOW_CONNECTIONS ${yes};
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database.name}'`,
      );
    await admit(false);
    await sendBodies(queue.client, queue.queueUrl, [JSON.stringify(forwarded())]);
    const processor = startProcessor(queue, { ...database, url }, { SQS_ENDPOINT_URL: way.endpoint });
    await processor.printed(/asking the database to store failed/, 2);
    expect(way.deliveries.size).toBe(0);
    await admit(true);
    await drained(queue);
    expect(await countedEvents(database.pool)).toBe(1);
  });
});

describe('a pooler with which it can’t work', () => {
  const once = (url: string) =>
    runCommand(['watcher', '--once', '--console-alerts'], {
      DATABASE_URL: url,
      AWS_DEFAULT_REGION: 'us-east-1',
    });

  it('in statement mode is named with the remedy, in one line', async () => {
    const { url } = await startPgBouncer((await createDatabase()).url, 'statement', 4);
    for (const { code, stderr } of [await once(url), await runCommand(['migrate'], { DATABASE_URL: url })]) {
      expect(code).toBe(1);
      expect(stderr).toContain("set the pooler's mode to transaction or session");
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
  });

  it.each(['PgBouncer', 'a strict proxy'])(
    'because DATABASE_URL has options that %s refuses is named with the remedy',
    async (of) => {
      const { url: base } = await createDatabase();
      const { url } =
        of === 'PgBouncer' ? await startPgBouncer(base, 'session', 4) : await startStrictProxy(base);
      const { code, stderr } = await once(`${url}?options=-c%20search_path%3Dpublic`);
      expect(code).toBe(1);
      expect(stderr).toContain(
        'remove options and settings from DATABASE_URL, because this pooler refuses them',
      );
      expect(stderr.trim().split('\n')).toHaveLength(1);
    },
  );
});
