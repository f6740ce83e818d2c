import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { inRunTransaction } from '../../../src/db/locks.ts';
import { createPool } from '../../../src/db/pool.ts';
import { createDatabase } from '../../support/database.ts';

const { url } = await createDatabase();
const target = new URL(url);

/** A way to Postgres whose host can vanish: nothing arrives any more, and nothing is closed either. */
let vanished = false;
const sockets: Socket[] = [];
const server = createServer((near) => {
  const far = connect(Number(target.port === '' ? 5432 : target.port), target.hostname);
  sockets.push(near, far);
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.on('error', () => {});
    from.on('data', (chunk) => {
      if (!vanished) to.write(chunk);
    });
    from.on('close', () => to.destroy());
  }
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

it('a Postgres that vanished fails what waits for it, and its connections are used no more', async () => {
  const way = new URL(url);
  way.hostname = '127.0.0.1';
  way.port = String((server.address() as AddressInfo).port);
  const pool = createPool({
    connectionString: way.href,
    applicationName: 'bec-alerts test',
    max: 2,
    statementTimeoutMilliseconds: 1_000,
    onIdleError: () => undefined,
  });
  const seen: unknown[] = [];
  const asked: unknown[] = [];
  try {
    const warm = await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 1')]);
    expect(warm.length).toBe(2);
    const options = { keep: true, waitMilliseconds: 0, signal: new AbortController().signal };
    const locked = inRunTransaction(pool, options, async (tx) => {
      vanished = true;
      const single = pool.query('SELECT 1').catch((error: unknown) => asked.push(error));
      const one = tx.attempt((db) => db.query({ text: 'SELECT 1' }));
      const next = tx.query({ text: 'SELECT 2' });
      for (const question of [one, next]) await question.catch((error: unknown) => seen.push(error));
      await single;
    });
    await expect(locked).rejects.toMatchObject({ code: 'database_unavailable', retryable: true });
    // The next statement doesn't wait as long again.
    const closed = expect.objectContaining({ message: expect.stringMatching(/closed|terminated/) });
    expect(seen).toEqual([expect.objectContaining({ message: 'Query read timeout' }), closed]);
    expect(asked).toEqual([expect.objectContaining({ message: 'Query read timeout' })]);
    expect(pool.totalCount).toBe(0);

    vanished = false;
    expect((await pool.query('SELECT 3 AS answer')).rows).toEqual([{ answer: 3 }]);
  } finally {
    await pool.end();
  }
});
