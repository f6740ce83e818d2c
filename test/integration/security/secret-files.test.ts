import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ON_THE_DATABASE, runCommand, startCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { forwarded } from '../../support/events.ts';
import { countedEvents, drained, workerPids } from '../../support/processor.ts';
import { createQueue, sendBodies } from '../../support/queue.ts';

const database = await createDatabase();

/** A folder with a `.env` that names the file of the secret, which is in the same folder. */
function folderWith(variable: string, secret: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'bec-alerts-secret-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'secret'), `${secret}\n`);
  writeFileSync(join(folder, '.env'), `${variable}_FILE=secret\n`);
  return folder;
}

it('the database’s URL in a file that a .env names is used by each command that reads it', async () => {
  const folder = folderWith('DATABASE_URL', database.url);
  const queue = await createQueue();
  const env = { ...queue.env, LOG_FORMAT: 'compose' };
  for (const command of ON_THE_DATABASE) {
    const { code, stderr } = await runCommand(command, env, folder);
    expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: '' });
  }
  const shown = (await runCommand(['config', 'migrate'], env, folder)).stdout;
  expect(shown).toMatch(/^DATABASE_URL +DATABASE_URL_FILE\s+postgres:/m);
  expect(shown).not.toContain(new URL(database.url).password || 'no password');
  expect((await runCommand(['status'], env, folder)).stdout).toContain('last run');
  for (const command of ['explain', 'silence']) {
    const more = command === 'silence' ? ['--for', '1h', '--because', 'why'] : [];
    expect(await runCommand([command, '1', ...more], env, folder)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no issue 1'),
    });
  }
});

it('the database’s URL in a file reaches the workers, and no process has it in its environment', async () => {
  const folder = folderWith('DATABASE_URL', database.url);
  const queue = await createQueue();
  const env = { ...queue.env, PROCESSOR_PROCESS_COUNT: '1', PROCESSOR_SLEEP_DELAY: '1', LOG_LEVEL: 'DEBUG' };
  const processor = startCommand(['processor'], env, folder);
  await processor.printed(/polling the queue/);
  for (const pid of [processor.pid, ...workerPids(processor.pid)]) {
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain(database.name);
  }
  const before = await countedEvents(database.pool);
  await sendBodies(queue.client, queue.queueUrl, [JSON.stringify(forwarded())]);
  await drained(queue);
  processor.child.kill('SIGTERM');
  expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
  expect(await countedEvents(database.pool)).toBe(before + 1);
});

it('a Sentry DSN in a file is overridden by the option', async () => {
  const dsn = 'http://key@127.0.0.1:1/1';
  const { code, stderr } = await runCommand(['simulate_error'], {}, folderWith('SIMULATE_SENTRY_DSN', dsn));
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('127.0.0.1:1 did not accept'),
  });
  const other = ['simulate_error', '--dsn', 'http://key@127.0.0.1:2/1'];
  const overridden = await runCommand(other, {}, folderWith('SIMULATE_SENTRY_DSN', dsn));
  expect(overridden.stderr).toContain('127.0.0.1:2 did not accept');
});
