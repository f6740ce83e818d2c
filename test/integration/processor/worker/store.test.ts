import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Db } from '../../../../src/db/pool.ts';
import { createPool } from '../../../../src/db/pool.ts';
import type { ReadMessage } from '../../../../src/processor/worker/parse.ts';
import { store } from '../../../../src/processor/worker/store.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { hold } from '../../../support/locks.ts';
import { countedEvents } from '../../../support/processor.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(() => emptyTables(pool));

const batchOf = (count: number): ReadMessage[] =>
  Array.from({ length: count }, (_, index) => ({
    message: {
      id: randomUUID(),
      body: '',
      receiptHandle: '',
      sentAt: new Date(),
      receiveCount: 1,
      messageGroupId: null,
    },
    event: errorEvent({ groupId: `g${index}`, message: `event ${index}` }),
  }));

/** Raises for rows that meet the condition; gone after the test. */
async function raise(condition: string, state: string): Promise<void> {
  onTestFinished(async () => {
    await pool.query('DROP FUNCTION raise CASCADE');
  });
  await pool.query(`
    CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'no such row, please' USING ERRCODE = '${state}'; END $$;
    CREATE TRIGGER raise BEFORE INSERT ON issues FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION raise()`);
}

/** Of somebody who makes this issue and doesn't commit. */
const holdIssue = (groupId: string) =>
  hold(
    pool,
    `INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
     VALUES ('${groupId}', '', '', '', '[]', now(), now(), pg_current_xact_id())`,
  );

function impatient(): Db {
  const waiting = createPool({
    connectionString: database.url,
    applicationName: 'bec-alerts test',
    max: 1,
    statementTimeoutMilliseconds: 30_000,
    lockTimeoutMilliseconds: 100,
    onIdleError: () => undefined,
  });
  onTestFinished(() => waiting.end());
  return waiting;
}

/** Counts statements. */
function counting(db: Db): Db & { statements: number } {
  const counted = {
    statements: 0,
    query: ((query) => {
      counted.statements += 1;
      return db.query(query);
    }) as Db['query'],
  };
  return counted;
}

describe('a batch that can’t be stored as a whole', () => {
  it.each(['P0001', 'XX001', '57014'])(
    'leaves the one message that fails by %s, and stores the rest',
    async (state) => {
      await raise(`NEW.message = 'event 13'`, state);
      const batch = batchOf(40);
      const { refused, unstored } = await store(pool, batch);
      expect(refused).toEqual([]);
      expect(unstored.map(({ message }) => message)).toEqual([batch[13]?.message]);
      expect(unstored[0]?.error).toMatchObject({ code: 'database_failed', retryable: true });
      expect(await countedEvents(pool)).toBe(39);
    },
  );

  it('leaves the one whose row somebody holds, without waiting for that', async () => {
    const held = await holdIssue('g5');
    const batch = batchOf(20);
    const { unstored } = await store(impatient(), batch);
    expect(unstored.map(({ message }) => message)).toEqual([batch[5]?.message]);
    expect(String(unstored[0]?.error)).toContain('55P03');
    await held.release();
    expect(await countedEvents(pool)).toBe(19);
  });

  it('keeps what is refused apart from what is left', async () => {
    await raise(`NEW.message = 'event 1'`, 'P0001');
    await pool.query(`ALTER TABLE issues ADD CONSTRAINT refuse CHECK (message <> 'event 2')`);
    onTestFinished(async () => {
      await pool.query('ALTER TABLE issues DROP CONSTRAINT refuse');
    });
    const batch = batchOf(10);
    const { refused, unstored } = await store(pool, batch);
    expect(refused.map(({ message }) => message)).toEqual([batch[2]?.message]);
    expect(unstored.map(({ message }) => message)).toEqual([batch[1]?.message]);
    expect(await countedEvents(pool)).toBe(8);
  });

  it('leaves what it had no time to try', async () => {
    await raise(`NEW.message = 'event 1'`, 'P0001');
    const once = counting(pool);
    await expect(store(once, batchOf(10), 0)).rejects.toMatchObject({ code: 'database_failed' });
    expect(once.statements).toBe(1);
  });

  it('fails where every message does', async () => {
    await raise('true', 'P0001');
    await expect(store(pool, batchOf(10))).rejects.toMatchObject({ code: 'database_failed' });
  });

  it.each(['53100', '58030', '25006', '42501'])(
    'fails at once by %s, which is no single message’s',
    async (state) => {
      await raise(`NEW.message = 'event 1'`, state);
      const once = counting(pool);
      await expect(store(once, batchOf(10))).rejects.toThrow(state);
      expect(once.statements).toBe(1);
    },
  );
});
