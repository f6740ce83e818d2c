import { expect, it } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { forwarded } from '../support/events.ts';
import { issuesOf, miscounted, sendEvents } from '../support/load.ts';
import { previousVersion } from '../support/previous-version.ts';
import { drained, startProcessor } from '../support/processor.ts';
import { createQueue, sendBodies } from '../support/queue.ts';
import { startWatcher, triggerFile } from '../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
const before = await previousVersion();
/** Undefined is this version. */
const VERSIONS = [before, undefined] as const;
type Version = (typeof VERSIONS)[number];

/** Notifies of every changed issue with the number of its events, which is exact: there are fewer than 160. */
const WITNESS = `[{ name: 'Witness', emails: ['ann@example.com'], evaluate: async (issue, context) => {
  const { events } = await context.counts(issue, { days: 7 });
  return { notify: true, because: String(events) };
} }]`;

const queue = await createQueue({ visibilitySeconds: 20 });

async function watch(version: Version): Promise<void> {
  const env = { TRIGGERS: await triggerFile(WITNESS), ALERT_MAX_PER_RUN: '100000' };
  const finished = await startWatcher(
    database,
    'http://127.0.0.1:1',
    ['--once', '--console-alerts'],
    env,
    version,
  ).finished;
  expect(finished).toMatchObject({ code: 0, stderr: '' });
}

/** Lets processors of these versions count what the work sends. */
async function processed(versions: readonly Version[], work: () => Promise<void>): Promise<void> {
  const env = { LOG_LEVEL: 'WARNING' };
  const processors = versions.map((version) => startProcessor(queue, database, env, version));
  await work();
  await drained(queue);
  for (const processor of processors) {
    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0 });
    expect(processor.output()).toBe('');
  }
}

/** How many events each evaluation of an issue saw, in order. */
async function evaluations(): Promise<number[][]> {
  const { rows } = await pool.query<{ seen: number[] }>(
    'SELECT array_agg(because::int ORDER BY id) AS seen FROM alerts GROUP BY issue_id',
  );
  return rows.map(({ seen }) => seen);
}

/** One more event of each issue. */
const oneMoreOfEach = async (issues: number) => {
  const bodies = Array.from({ length: issues }, (_, index) =>
    JSON.stringify(forwarded({ groupID: `g${index}`, dateReceived: new Date().toISOString() })),
  );
  await sendBodies(queue.client, queue.queueUrl, bodies);
};

it('processors and watchers of two versions share a migrated database: no event is lost or evaluated twice', async () => {
  let sent = 0;
  await processed(VERSIONS, async () => {
    for (let portion = 0; portion < 4; portion += 1) {
      const sending = sendEvents(queue, 400, 'g', sent);
      sent += 400;
      for (const version of VERSIONS) await watch(version);
      await sending;
    }
  });
  for (const version of [...VERSIONS, ...VERSIONS]) await watch(version);
  expect(await miscounted(pool, sent)).toEqual({ issues: issuesOf(sent), wrong: [] });
  const growing = (seen: number[]) => seen.every((events, index) => events > (seen[index - 1] ?? 0));
  const mixed = await evaluations();
  expect(mixed).toHaveLength(issuesOf(sent));
  expect(mixed.filter((seen) => seen.at(-1) !== 80 || !growing(seen))).toEqual([]);

  // The watcher of one version evaluates once the events that the processor of the other version stored.
  const crossed: [Version, Version][] = [
    [before, undefined],
    [undefined, before],
  ];
  for (const [index, [storing, watching]] of crossed.entries()) {
    await processed([storing], () => oneMoreOfEach(issuesOf(sent)));
    const earlier = (await evaluations()).flat().length;
    for (const version of [watching, ...VERSIONS]) await watch(version);
    const all = await evaluations();
    expect(all.filter((seen) => seen.at(-1) !== 81 + index)).toEqual([]);
    expect(all.flat()).toHaveLength(earlier + issuesOf(sent));
  }
});
