import { describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { inRunTransaction, RUN_LOCK, withLock } from '../../../src/db/locks.ts';
import { createDatabase } from '../../support/database.ts';
import { backendGone } from '../../support/locks.ts';

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
    const failing = withLock(pool, RUN_LOCK, 0, (db) => db.query({ text: 'SELECT FROM nowhere' }));
    await expect(failing).rejects.toMatchObject({ code: 'database_not_migrated' });
  });

  it.each(['the lock', 'the work'])(
    'a connection of %s that breaks is reported as an unreachable database',
    async (of) => {
      const failing = withLock(pool, RUN_LOCK, 10_000, async (db) => {
        const { rows } = await db.query<{ own: number; holder: number }>({
          text: `SELECT pg_backend_pid() AS own, pid AS holder FROM pg_locks WHERE locktype = 'advisory'
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        });
        const pid = of === 'the work' ? rows[0]?.own : rows[0]?.holder;
        await pool.query('SELECT pg_terminate_backend($1)', [pid]);
        await backendGone(pool, pid ?? 0);
        await db.query({ text: `INSERT INTO recipients (email) VALUES ('lost@example.com')` });
      });
      await expect(failing).rejects.toMatchObject({ code: 'database_unavailable', retryable: true });
      expect(await withLock(pool, RUN_LOCK, 10_000, async () => 'had it')).toEqual({ result: 'had it' });
      const { rows: written } = await pool.query(`SELECT FROM recipients WHERE email = 'lost@example.com'`);
      expect(written).toEqual([]);
    },
  );

  it('nobody else works, and the next one begins when it ends', async () => {
    const order: string[] = [];
    await withLock(pool, RUN_LOCK, 0, async () => {
      order.push(String(await withLock(pool, RUN_LOCK, 0, async () => 'two at once')));
      order.push('first');
    });
    await withLock(pool, RUN_LOCK, 0, async () => order.push('second'));
    expect(order).toEqual(['null', 'first', 'second']);
  });
});

describe('the transaction of a run', () => {
  const options = { keep: true, waitMilliseconds: 0, signal: new AbortController().signal };
  const insert = `INSERT INTO recipients (email) VALUES ('ann@example.com')`;

  it('waits for the one before, and sees what that one committed', async () => {
    const before = inRunTransaction(pool, options, async (tx) => {
      await tx.query({ text: insert });
      const after = inRunTransaction(pool, { ...options, waitMilliseconds: 60_000 }, (other) =>
        other.query({ text: 'SELECT email FROM recipients' }),
      );
      await lockWaited(/pg_advisory_xact_lock/);
      return { after };
    });
    const seen = await (await before)?.result.after;
    expect(seen?.result.rows).toEqual([{ email: 'ann@example.com' }]);
  });

  it('sees what was committed while it waited for the table', async () => {
    await pool.query('DELETE FROM recipients');
    const client = await pool.connect();
    await client.query(`BEGIN; LOCK TABLE trigger_runs IN SHARE UPDATE EXCLUSIVE MODE; ${insert}`);
    const run = inRunTransaction(pool, options, (tx) => tx.query({ text: 'SELECT email FROM recipients' }));
    await lockWaited(/LOCK TABLE/);
    await client.query('COMMIT');
    client.release();
    expect((await run)?.result.rows).toEqual([{ email: 'ann@example.com' }]);
  });

  it('doesn’t begin while a watcher of an older version holds the lock of its session', async () => {
    const client = await pool.connect();
    await client.query(`SELECT pg_advisory_lock(${RUN_LOCK})`);
    const during = await inRunTransaction(pool, options, async () => 'ran');
    await client.query(`SELECT pg_advisory_unlock(${RUN_LOCK})`);
    client.release();
    expect(during).toBeNull();
    expect(await inRunTransaction(pool, options, async () => 'ran')).toEqual({ result: 'ran' });
  });
});

async function lockWaited(statement: RegExp): Promise<void> {
  const ask = async () => {
    const { rows } = await pool.query<{ query: string }>(
      `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return rows.some(({ query }) => statement.test(query)) ? true : undefined;
  };
  await poll(`a wait in ${statement}`, ask);
}
