import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { poll } from '../../dev/poll.ts';
import { startCommand } from '../support/command.ts';
import { createDatabase } from '../support/database.ts';
import { hold } from '../support/locks.ts';

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
    await poll('migrate to wait', waits, { seconds: 20 });
    child.kill(name);
    expect(await finished).toMatchObject({ code: null, signal: name });
  });

  it.each(['triggers', 'watcher'])('%s whose trigger file never gets loaded', async (command) => {
    const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-signals-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'triggers.mjs');
    await writeFile(
      file,
      `console.error('loading'); await new Promise(() => setInterval(() => {}, 1_000)); export default [];`,
    );
    const started = startCommand([command, '--triggers', file], variables('127.0.0.1:1'));
    await started.printed(/loading/);
    started.child.kill(name);
    expect(await started.finished).toMatchObject({ code: null, signal: name });
  });
});
