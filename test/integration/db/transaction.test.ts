import { describe, expect, it } from 'vitest';
import { RUN_LOCK, withLock } from '../../../src/db/transaction.ts';
import { createDatabase } from '../../support/database.ts';

const { pool } = await createDatabase();

describe('under a lock', () => {
  it('the work’s own error is thrown as it is, and the lock is free afterwards', async () => {
    const error = new TypeError('our own fault');
    const failing = withLock(pool, RUN_LOCK, 0, async () => {
      throw error;
    });
    await expect(failing).rejects.toBe(error);
    const waiting = await withLock(pool, RUN_LOCK, 10_000, async () => 'had it');
    expect(waiting).toEqual({ result: 'had it' });
  });

  it('a statement that Postgres refuses is reported as refused', async () => {
    const failing = withLock(pool, RUN_LOCK, 0, (client) => client.query('SELECT FROM nowhere'));
    await expect(failing).rejects.toMatchObject({ code: 'database_not_migrated' });
  });

  it('a connection that breaks is reported as an unreachable database', async () => {
    const failing = withLock(pool, RUN_LOCK, 10_000, async (client) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const ended = new Promise((resolve) => client.once('error', resolve));
      await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      await ended;
      await client.query('SELECT 1');
    });
    await expect(failing).rejects.toMatchObject({ code: 'database_unavailable', retryable: true });
  });
});
