import { beforeEach, describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { clearEmails, storedEmails } from '../../../dev/services.ts';
import { storeEvents } from '../../../src/db/events.ts';
import type { RunningCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';
import { createLocalSes } from '../../support/local-ses.ts';
import { backendGone, hold, watcherWaits } from '../../support/locks.ts';
import { ON_CALL, runs, settled, startWatcher, triggerFile } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
const ses = await createLocalSes();
beforeEach(async () => {
  await emptyTables(pool);
  await clearEmails(ses.endpoint);
});

/** Notifies of every changed issue, and prints which issue this process evaluates. */
const notifyingFile = () =>
  triggerFile(`[{ name: 'Every event', emails: ['${ON_CALL}'], evaluate: (issue) => {
    console.log('evaluating ' + issue.groupId);
    return { notify: true, because: 'it changed' };
  } }]`);

const start = (count: number, TRIGGERS: string, seconds: number): RunningCommand[] =>
  Array.from({ length: count }, () =>
    startWatcher(database, ses.endpoint, [], { TRIGGERS, WATCHER_SLEEP_DELAY: String(seconds) }),
  );

describe.each([2, 5])('%i watchers at once', (count) => {
  it('mail each alert once, and share the runs', async () => {
    const watchers = start(count, await notifyingFile(), 0.2);
    for (const watcher of watchers) await watcher.printed(/evaluated|the next run is due|standing by/);
    const rounds = 8;
    for (let round = 0; round < rounds; round += 1) {
      const groups = ['a', 'b', 'c'].map((name) => `${name}${round}`);
      await storeEvents(
        pool,
        groups.map((groupId) => errorEvent({ groupId, message: groupId })),
      );
      await settled(pool, (round + 1) * 3);
    }
    const subjects = (await storedEmails(ses.endpoint)).map(({ subject }) => subject);
    expect(subjects).toHaveLength(rounds * 3);
    expect(new Set(subjects).size).toBe(rounds * 3);
    const evaluated = watchers.flatMap((watcher) => watcher.output().match(/^evaluating .*$/gm) ?? []);
    expect(evaluated).toHaveLength(rounds * 3);
    for (const watcher of watchers) watcher.child.kill('SIGTERM');
    for (const watcher of watchers) expect(await watcher.finished).toMatchObject({ code: 0, stderr: '' });
  });

  it('continue without the one that worked, within an interval of its death', async () => {
    // Longer than the others need to start on a busy machine.
    const interval = 60;
    await storeEvents(pool, [errorEvent({ groupId: 'a', message: 'a' })]);
    const lock = await hold(pool, 'LOCK TABLE alerts IN SHARE MODE');
    const watchers = start(count, await notifyingFile(), interval);
    const backend = await watcherWaits(pool, /INSERT INTO alerts/);
    const atWork = await poll('the watcher that evaluates', async () => watchers.find(isEvaluating));
    for (const watcher of watchers) if (watcher !== atWork) await watcher.printed(/standing by/);
    atWork.child.kill('SIGKILL');
    const free = await backendGone(pool, backend);
    await lock.release();
    await settled(pool, 1);
    expect(await storedEmails(ses.endpoint)).toHaveLength(1);
    const late = await pool.query<{ late: number }>(
      'SELECT extract(epoch FROM min(ran_at) - $1::timestamptz)::float8 AS late FROM trigger_runs',
      [free],
    );
    expect(late.rows[0]?.late).toBeLessThan(interval);
    expect((await runs(pool))[0]).toMatchObject({ issue_count: 1, alert_count: 1 });
  });
});

function isEvaluating(watcher: RunningCommand): boolean {
  return watcher.output().includes('evaluating');
}
