import { beforeEach, describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { clearEmails, storedEmails } from '../../../dev/services.ts';
import { happen } from '../../support/alerts.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { createLocalSes } from '../../support/local-ses.ts';
import { hold, noWatchers, watcherWaits } from '../../support/locks.ts';
import { declining, runHere } from '../../support/run.ts';
import { addSilence, outlastSilences, silence, silenceRows } from '../../support/silences.ts';
import { everyEventFile, runs, settled, startWatcher } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
const ses = await createLocalSes();
beforeEach(async () => {
  await emptyTables(pool);
  await clearEmails(ses.endpoint);
});

/** Waits until so many further runs have finished. */
async function runsPass(count: number): Promise<void> {
  const before = (await runs(pool)).length;
  await poll('further runs', async () => ((await runs(pool)).length >= before + count ? true : undefined));
}

describe('an issue whose silence ends', () => {
  it('is emailed once while two watchers run', async () => {
    const TRIGGERS = await everyEventFile();
    const issues = ['1', '2', '3', '4', '5', '6'];
    for (const id of issues) {
      await happen(pool, id, 1);
      await addSilence(pool, id);
    }
    const watchers = [1, 2].map(() =>
      startWatcher(database, ses.endpoint, [], { TRIGGERS, WATCHER_SLEEP_DELAY: '0.2' }),
    );
    for (const watcher of watchers) await watcher.printed(/evaluated|the next run is due|standing by/);
    await runsPass(2);
    expect(await storedEmails(ses.endpoint)).toEqual([]);
    for (const [index, id] of issues.entries()) {
      await silence(database, [id, '--end']);
      await settled(pool, index + 1);
    }
    await runsPass(3);
    const subjects = (await storedEmails(ses.endpoint)).map(({ subject }) =>
      subject.split(' · ')[0]?.split(' ').at(-1),
    );
    expect(subjects.toSorted()).toEqual(issues);
    for (const watcher of watchers) watcher.child.kill('SIGTERM');
    for (const watcher of watchers) expect(await watcher.finished).toMatchObject({ code: 0, stderr: '' });
  });

  it('is not settled by a watcher that is killed during its run, but by the next one', async () => {
    const TRIGGERS = await everyEventFile();
    await happen(pool, '1', 1);
    await addSilence(pool, '1');
    await runHere(pool, [declining('Every event')]);
    await outlastSilences(pool);
    const lock = await hold(pool, 'LOCK TABLE alerts IN SHARE MODE');
    const watcher = startWatcher(database, ses.endpoint, [], { TRIGGERS });
    await watcherWaits(pool, /INSERT INTO alerts/);
    watcher.child.kill('SIGKILL');
    await watcher.finished;
    await noWatchers(pool);
    await lock.release();
    expect(await silenceRows(pool)).toMatchObject([{ ended: false, settled: false }]);
    startWatcher(database, ses.endpoint, [], { TRIGGERS });
    await settled(pool, 1);
    await runsPass(2);
    expect(await storedEmails(ses.endpoint)).toHaveLength(1);
    expect(await silenceRows(pool)).toMatchObject([{ ended: true, settled: true }]);
  });
});
