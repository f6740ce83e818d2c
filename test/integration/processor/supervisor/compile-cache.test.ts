import { chown, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { poll } from '../../../../dev/poll.ts';
import { createDatabase } from '../../../support/database.ts';
import { alive, startTwoWorkers, workerPids } from '../../../support/processor.ts';
import { createQueue } from '../../../support/queue.ts';

const database = await createDatabase();
const SOMEONE_ELSE = 65_534;
/** The tests' own cache, which all commands of a run share, is not for those whose cache is tested. */
const NODE_COMPILE_CACHE = undefined;

it('the next processor removes the folder that a killed one left in the temporary folder, and nothing else', async () => {
  const TMPDIR = await mkdtemp(join(tmpdir(), 'bec-alerts-shared-'));
  onTestFinished(() => rm(TMPDIR, { recursive: true }));
  const queue = await createQueue();

  const killed = startTwoWorkers(queue, database, { TMPDIR, NODE_COMPILE_CACHE });
  await killed.printed(/a worker polls/);
  const workers = workerPids(killed.pid);
  const [cache = '', ...more] = await readdir(TMPDIR);
  expect(cache).toMatch(`bec-alerts-compiled-${killed.pid}-`);
  expect(more).toEqual([]);
  expect((await lstat(join(TMPDIR, cache))).mode & 0o777).toBe(0o700);
  killed.child.kill('SIGKILL');
  await killed.finished;
  await poll('its workers to end', async () => (workers.some(alive) ? undefined : true));

  const folders = [
    `bec-alerts-compiled-${process.pid}-living`,
    `bec-alerts-compiled-${killed.pid}-others`,
    `bec-alerts-triggers-${killed.pid}-abcdef`,
    'precious',
  ];
  for (const name of folders) {
    await mkdir(join(TMPDIR, name));
    await writeFile(join(TMPDIR, name, 'a-file'), '');
  }
  const link = `bec-alerts-compiled-${killed.pid}-linked`;
  await symlink(join(TMPDIR, 'precious'), join(TMPDIR, link));
  const others = `bec-alerts-compiled-${killed.pid}-others`;
  // Only root can give a folder away.
  const kept =
    process.getuid?.() === 0 ? [...folders, link] : [...folders.filter((one) => one !== others), link];
  if (kept.includes(others)) await chown(join(TMPDIR, others), SOMEONE_ELSE, SOMEONE_ELSE);

  const next = startTwoWorkers(queue, database, { TMPDIR, NODE_COMPILE_CACHE });
  await next.printed(/a worker polls/);
  next.child.kill('SIGTERM');
  expect(await next.finished).toMatchObject({ code: 0, stderr: '' });
  expect((await readdir(TMPDIR)).sort()).toEqual(kept.sort());
  for (const name of kept) expect(await readdir(join(TMPDIR, name))).toEqual(['a-file']);
  expect(next.output()).not.toContain('left behind');
});
