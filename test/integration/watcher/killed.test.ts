import { beforeEach, describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { storeEvents } from '../../../src/db/events.ts';
import { DELIVERY_LOCK } from '../../../src/db/locks.ts';
import type { RunningCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';
import { hold, noWatchers, watcherWaits } from '../../support/locks.ts';
import type { SesReply, SesStandIn } from '../../support/ses.ts';
import { startSesStandIn } from '../../support/ses.ts';
import { everyEventFile, outbox, runs, settled, startWatcher } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
let ses: SesStandIn;
let TRIGGERS: string;
const ISSUES = ['a', 'b', 'c', 'd'];

beforeEach(async () => {
  await emptyTables(pool);
  ses = await startSesStandIn();
  TRIGGERS = await everyEventFile();
  await storeEvents(
    pool,
    ISSUES.map((groupId) => errorEvent({ groupId, message: groupId })),
  );
});

/** An email is claimed for as long as it can be on its way: the connection, twice the answer's timeout and a margin. */
const TIMEOUTS = { AWS_CONNECT_TIMEOUT: '10', AWS_READ_TIMEOUT: '20' };
const CLAIM_SECONDS = 10 + 2 * 20 + 5;
const start = () => startWatcher(database, ses.endpoint, [], { TRIGGERS, ...TIMEOUTS });

/** `kill -9`. Returns when Postgres has noticed it and its statements have ended. */
async function kill(watcher: RunningCommand): Promise<void> {
  watcher.child.kill('SIGKILL');
  await watcher.finished;
  await noWatchers(pool);
}

/** Ends the time for which a killed watcher keeps the alerts that it claimed. */
async function outlastClaims(): Promise<void> {
  await pool.query(`UPDATE alerts SET next_attempt_at = next_attempt_at - interval '${CLAIM_SECONDS} s'`);
}

/** Starts another watcher and waits until the outbox is empty. @returns how often each issue was mailed */
async function afterwards(): Promise<Record<string, number>> {
  await outlastClaims();
  start();
  const alerts = await settled(pool, ISSUES.length);
  expect(alerts.map(({ group_id, status }) => `${group_id} ${status}`)).toEqual(
    ISSUES.map((id) => `${id} sent`),
  );
  const times = ISSUES.map((id) => [
    id,
    ses.taken.filter(({ subject }) => subject.startsWith(`${id} · `)).length,
  ]);
  return Object.fromEntries(times);
}

const each = (times: number) => Object.fromEntries(ISSUES.map((id) => [id, times]));

describe('a watcher that is killed', () => {
  it('while it writes its run leaves nothing of it', async () => {
    const lock = await hold(pool, 'LOCK TABLE alerts IN SHARE MODE');
    const watcher = start();
    await watcherWaits(pool, /INSERT INTO alerts/);
    await kill(watcher);
    await lock.release();
    expect(await runs(pool)).toEqual([]);
    expect(await afterwards()).toEqual(each(1));
  });

  it('while its run commits leaves nothing of it', async () => {
    await pool.query(
      `CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql
         AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END';
       CREATE CONSTRAINT TRIGGER hold_commit AFTER UPDATE ON trigger_runs
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_commit()`,
    );
    try {
      const lock = await hold(pool, 'SELECT pg_advisory_xact_lock(42)');
      const watcher = start();
      await watcherWaits(pool, /^COMMIT/);
      await kill(watcher);
      await lock.release();
      expect(await runs(pool)).toEqual([]);
      expect(await afterwards()).toEqual(each(1));
    } finally {
      await pool.query('DROP FUNCTION hold_commit CASCADE');
    }
  });

  it('after its run’s commit, before it sends, leaves all alerts to the next', async () => {
    const lock = await hold(pool, `SELECT pg_advisory_xact_lock(${DELIVERY_LOCK})`);
    const watcher = start();
    await watcher.printed(/evaluated 4 issues/);
    await kill(watcher);
    await lock.release();
    expect((await outbox(pool)).map(({ status }) => status)).toEqual(ISSUES.map(() => 'pending'));
    expect(await afterwards()).toEqual(each(1));
  });

  it('while SES has an email that it doesn’t accept sends each once', async () => {
    const second = answerTheSecond(ses, () => 'silence');
    const watcher = start();
    await second;
    await kill(watcher);
    ses.answer(() => ({}));
    expect(await afterwards()).toEqual(each(1));
  });

  it('between SES’s answer and the mark sends that one twice, and no other', async () => {
    let lock: Awaited<ReturnType<typeof hold>> | undefined;
    const second = answerTheSecond(ses, async () => {
      lock = await hold(pool, 'LOCK TABLE alerts IN SHARE MODE');
      return {};
    });
    const watcher = start();
    await second;
    await watcherWaits(pool, /UPDATE alerts SET status = 'sent'/);
    await kill(watcher);
    await lock?.release();
    expect(await afterwards()).toEqual({ ...each(1), b: 2 });
  });

  it('between SES’s answer and the mark of a digest sends the digest twice, and whole', async () => {
    const env = { TRIGGERS, ...TIMEOUTS, ALERT_DIGEST: 'run' };
    let lock: Awaited<ReturnType<typeof hold>> | undefined;
    ses.answer(async () => {
      lock ??= await hold(pool, 'LOCK TABLE alerts IN SHARE MODE');
      return {};
    });
    const watcher = startWatcher(database, ses.endpoint, [], env);
    await watcherWaits(pool, /UPDATE alerts SET status = 'sent'/);
    await kill(watcher);
    await lock?.release();
    await outlastClaims();
    startWatcher(database, ses.endpoint, [], env);
    await settled(pool, ISSUES.length);
    expect(ses.taken.map(({ text }) => ISSUES.filter((id) => text.includes(`\n  ${id}\n`)))).toEqual([
      ISSUES,
      ISSUES,
    ]);
    const ids = new Set((await outbox(pool)).map(({ ses_message_id }) => ses_message_id));
    expect(ids.size).toBe(1);
  });
});

/** Answers the second SendRawEmail with this reply, and accepts the others. @returns when the second has arrived */
function answerTheSecond(server: SesStandIn, reply: () => SesReply | Promise<SesReply>): Promise<unknown> {
  const sends = () => server.requests.filter(({ action }) => action === 'SendRawEmail').length;
  server.answer(({ action }) => (action === 'SendRawEmail' && sends() === 2 ? reply() : {}));
  return poll('the second email', async () => (sends() >= 2 ? true : undefined));
}
