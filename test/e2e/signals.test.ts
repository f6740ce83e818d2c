import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { poll } from '../../dev/poll.ts';
import type { Environment, RunningCommand } from '../support/command.ts';
import { startCommand } from '../support/command.ts';
import { createDatabase } from '../support/database.ts';
import { startFaultyQueue } from '../support/faulty-queue.ts';
import { hold } from '../support/locks.ts';
import { createQueue, sendBodies } from '../support/queue.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** A server that takes connections and never says anything. */
async function silentServer() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, asked: once(server, 'connection') };
}

const variables = (address: string) => ({
  DATABASE_URL: `postgres://user@${address}/x`,
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  SQS_ENDPOINT_URL: `http://${address}`,
  SIMULATE_SENTRY_DSN: `http://key@${address}/1`,
});

/** A command that waits for its trigger file for ever. */
async function startLoading(command: string, env: Environment = {}): Promise<RunningCommand> {
  const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-signals-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'triggers.mjs');
  await writeFile(file, `console.error('loading'); await new Promise(() => setInterval(() => {}, 1_000));`);
  const started = startCommand([command, '--triggers', file], { ...variables('127.0.0.1:1'), ...env });
  await started.printed(/loading/);
  return started;
}

describe.each(SIGNALS)('%s ends at once, as it ends any program,', (name) => {
  it.each(['status', 'dead_letters', 'simulate_error'])('%s that waits for an answer', async (command) => {
    const { address, asked } = await silentServer();
    const { child, finished } = startCommand([command], variables(address));
    await asked;
    child.kill(name);
    expect(await finished).toEqual({ code: null, signal: name, stdout: '', stderr: '' });
  });

  it('migrate that waits for a lock', async () => {
    const { url, pool } = await createDatabase();
    await hold(pool, 'LOCK TABLE pgmigrations');
    const { child, finished } = startCommand(['migrate'], { DATABASE_URL: url });
    const waits = async () => {
      const { rowCount } = await pool.query(
        `SELECT FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'bec-alerts migrate' AND wait_event_type = 'Lock'`,
      );
      return rowCount === 1 ? true : undefined;
    };
    await poll('migrate to wait', waits);
    child.kill(name);
    expect(await finished).toMatchObject({ code: null, signal: name });
  });

  it.each(['triggers', 'watcher'])('%s whose trigger file never gets loaded', async (command) => {
    const { child, finished } = await startLoading(command);
    child.kill(name);
    expect(await finished).toMatchObject({ code: null, signal: name });
  });
});

describe('the first process of a container, which no signal ends by itself,', () => {
  // It only believes that it is: to make one takes rights that not everyone has.
  const first = {
    NODE_OPTIONS: '--import=data:text/javascript,Object.defineProperty(process,`pid`,{value:1})',
  };

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends itself at %s with %i where it has no work in progress', async (name, code) => {
    const { child, finished } = await startLoading('triggers', first);
    child.kill(name);
    expect(await finished).toMatchObject({ code, signal: null });
  });

  it('finishes its work in progress at the first signal', async () => {
    const { url } = await createDatabase();
    const watcher = startCommand(['watcher'], { ...variables('127.0.0.1:1'), DATABASE_URL: url, ...first });
    await watcher.printed(/evaluated 0 issues/);
    watcher.child.kill('SIGTERM');
    expect(await watcher.finished).toMatchObject({ code: 0, signal: null });
  });

  it('ends itself at the second signal', async () => {
    const queue = await createQueue();
    await sendBodies(queue.client, queue.deadLetterQueueUrl, ['x']);
    const way = await startFaultyQueue(queue.endpoint);
    const asked = new Promise<void>((resolve) => {
      way.fate = (action) => {
        if (action !== 'ChangeMessageVisibilityBatch') return 'pass';
        resolve();
        return 'silence';
      };
    });
    const env = { ...queue.env, SQS_ENDPOINT_URL: way.endpoint, ...first };
    const { child, finished } = startCommand(['dead_letters'], env);
    await asked;
    child.kill('SIGTERM');
    // Twice the same signal can arrive as one.
    const again = setInterval(() => child.kill('SIGTERM'), 20);
    onTestFinished(() => clearInterval(again));
    expect(await finished).toMatchObject({ code: 143, signal: null });
  });
});
