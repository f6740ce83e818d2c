import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { run } from '../../../dev/output.ts';
import { poll } from '../../../dev/poll.ts';
import { lastRunCheck } from '../../../src/cli/health.ts';
import { packageVersion } from '../../../src/cli/version.ts';
import type { RunningCommand } from '../../support/command.ts';
import { servedAt, startCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { startProcessor } from '../../support/processor.ts';
import { createQueue } from '../../support/queue.ts';
import { declining, runHere } from '../../support/run.ts';

const database = await createDatabase();
const { pool } = database;

const portOf = async (daemon: RunningCommand) => new URL(await servedAt(daemon)).port;

async function heartbeat(daemon: RunningCommand, path = '/__heartbeat__') {
  const response = await fetch(`${await servedAt(daemon)}${path}`);
  const body = (await response.json()) as { checks?: Record<string, string>; details?: unknown };
  return { status: response.status, body };
}

const startWatcher = (env: Record<string, string> = {}) =>
  startCommand(['watcher', '--console-alerts'], {
    AWS_DEFAULT_REGION: 'us-east-1',
    DATABASE_URL: database.url,
    PORT: '0',
    ...env,
  });

describe('the processor’s health', () => {
  it('is fine while Postgres and the queue answer and workers run', async () => {
    const processor = startProcessor(await createQueue(), database, { PORT: '0' });
    await processor.printed(/a worker polls/);
    expect(await heartbeat(processor)).toEqual({
      status: 200,
      body: { status: 'ok', checks: { postgres: 'ok', queue: 'ok', workers: 'ok' }, details: {} },
    });
    expect(await heartbeat(processor, '/__lbheartbeat__')).toEqual({ status: 200, body: { status: 'ok' } });
    expect((await heartbeat(processor, '/__version__')).body).toEqual({ version: packageVersion() });
    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
  });

  it('names Postgres and the queue when they fail', async () => {
    const queue = await createQueue();
    const processor = startProcessor(queue, database, { PORT: '0' });
    await processor.printed(/a worker polls/);
    await queue.client.send(new DeleteQueueCommand({ QueueUrl: queue.queueUrl }));
    await pool.query('ALTER TABLE issue_buckets RENAME TO away');
    try {
      expect(await heartbeat(processor)).toMatchObject({
        status: 500,
        body: { details: { postgres: 'database_not_migrated', queue: 'queue_refused' } },
      });
    } finally {
      await pool.query('ALTER TABLE away RENAME TO issue_buckets');
    }
  });

  it('says when no worker process is running', async () => {
    const processor = startProcessor(await createQueue(), database, { PORT: '0' });
    await processor.printed(/a worker polls/);
    const children = `/proc/${processor.pid}/task/${processor.pid}/children`;
    const withoutWorkers = async () => {
      // Killed before they are ready, so that each replacement is put off for longer.
      for (const pid of readFileSync(children, 'utf8').split(' ').filter(Boolean))
        process.kill(Number(pid), 'SIGKILL');
      const { status, body } = await heartbeat(processor);
      return body.checks?.workers === 'error' ? { status, details: body.details } : undefined;
    };
    const answer = await poll('a heartbeat without workers', withoutWorkers, { everyMilliseconds: 5 });
    expect(answer).toEqual({ status: 500, details: { workers: 'no worker process is running' } });
  });

  it('is not served without a PORT', async () => {
    const processor = startProcessor(await createQueue(), database);
    await processor.printed(/a worker polls/);
    expect(processor.output()).not.toContain('heartbeat');
  });
});

describe('the watcher’s health', () => {
  it('is fine after a run, and the daemon still ends at once', async () => {
    const watcher = startWatcher();
    await watcher.printed(/evaluated \d+ issues/);
    expect(await heartbeat(watcher)).toEqual({
      status: 200,
      body: { status: 'ok', checks: { postgres: 'ok', last_run: 'ok', triggers: 'ok' }, details: {} },
    });
    watcher.child.kill('SIGTERM');
    expect(await watcher.finished).toMatchObject({ code: 0, stderr: '' });
  });

  it('names the variable where the port is taken, and exits 1', async () => {
    const port = await portOf(startWatcher());
    const { code, stderr } = await startWatcher({ PORT: port }).finished;
    expect(code).toBe(1);
    expect(stderr).toContain(`can't listen on PORT ${port}`);
  });

  it.each([
    ['the last run is recent', 600, 10_000, null],
    ['the last run is old and the watcher was just started', 10_000, 600, null],
    [
      'the last run is old and the watcher is not',
      10_000,
      10_000,
      /^the last finished run with each of the triggers began 100\d\d s ago; the limit is 900 s$/,
    ],
    ['there is no run and the watcher was just started', null, 600, null],
    [
      'there is no run and the watcher is old',
      null,
      10_000,
      /^no run with each of the triggers has finished since this watcher started 10000 s ago$/,
    ],
  ])('knows that %s', async (_, age, up, expected) => {
    await emptyTables(pool);
    if (age !== null) {
      await pool.query(
        `INSERT INTO trigger_runs (ran_at, finished_at, snapshot)
         SELECT now() - $1 * interval '1 s', now() - $1 * interval '1 s', pg_current_snapshot()`,
        [age],
      );
    }
    const times = [0, up * 1_000];
    const own = () => ({ names: [], sinceMilliseconds: 86_400_000 });
    const check = lastRunCheck(pool, 300, own, () => times.shift() ?? 0);
    const problem = await check(new AbortController().signal);
    if (expected === null) expect(problem).toBeNull();
    else expect(problem).toMatch(expected);
  });
});

describe('the check of the last run', () => {
  it('looks at the watcher’s own triggers, even if another file’s watcher runs', async () => {
    await emptyTables(pool);
    await runHere(pool, [declining('First'), declining('Second')]);
    await pool.query(
      `UPDATE trigger_progress SET ran_at = now() - interval '1 hour' WHERE trigger = 'First'`,
    );
    const problemOf = async (...names: string[]) => {
      const times = [0, 10_000_000];
      const check = lastRunCheck(
        pool,
        300,
        () => ({ names, sinceMilliseconds: 0 }),
        () => times.shift() ?? 0,
      );
      return await check(new AbortController().signal);
    };
    expect(await problemOf('Second')).toBeNull();
    expect(await problemOf('First', 'Second')).toMatch(/ began 36\d\d s ago; the limit is 900 s$/);
    expect(await problemOf('Second', 'Never run')).toMatch(/^no run with each of the triggers has finished/);
    expect(await problemOf()).toBeNull();
  });
});

describe('the image’s HEALTHCHECK', () => {
  const healthcheck = (PORT: string) =>
    run(process.execPath, [fileURLToPath(new URL('../../../docker/healthcheck.js', import.meta.url))], {
      env: { PORT },
    });

  it('passes while the daemon lives, and fails once it is gone', async () => {
    const watcher = startWatcher();
    const port = await portOf(watcher);
    expect(await healthcheck(port)).toEqual({ ok: true, text: '200' });
    watcher.child.kill('SIGTERM');
    await watcher.finished;
    expect(await healthcheck(port)).toEqual({ ok: false, text: expect.stringContaining(`port ${port}`) });
  });

  it('passes where PORT is blank, by which nothing is served', async () => {
    expect(await healthcheck(' ')).toEqual({ ok: true, text: '' });
  });
});
