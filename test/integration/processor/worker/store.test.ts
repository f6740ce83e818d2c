import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Db } from '../../../../src/db/pool.ts';
import { createPool } from '../../../../src/db/pool.ts';
import type { Fate } from '../../../../src/processor/worker/fate.ts';
import { isRejected, isRetryLater, isStored } from '../../../../src/processor/worker/fate.ts';
import type { ParsedMessage } from '../../../../src/processor/worker/parse.ts';
import { store } from '../../../../src/processor/worker/store.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { hold } from '../../../support/locks.ts';
import { countedEvents } from '../../../support/processor.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(() => emptyTables(pool));

const batchOf = (count: number): ParsedMessage[] =>
  Array.from({ length: count }, (_, index) => ({
    message: {
      id: randomUUID(),
      body: '',
      receiptHandle: '',
      sentAt: new Date(),
      receiveCount: 1,
    },
    event: errorEvent({ groupId: `g${index}`, message: `event ${index}` }),
  }));

/** The messages of each fate. */
function sorted(fates: readonly Fate[]) {
  return {
    stored: fates.filter(isStored).map(({ message }) => message),
    rejected: fates.filter(isRejected).map(({ message }) => message),
    retryLater: fates.filter(isRetryLater),
  };
}

/** Expects that no message was stored, and that all are received again at once, for that reason. */
function expectAllAtOnce(fates: readonly Fate[], batch: readonly ParsedMessage[], error: unknown): void {
  expect(fates.map(({ message }) => message)).toEqual(batch.map(({ message }) => message));
  for (const fate of fates) {
    expect(fate).toMatchObject({ outcome: 'retry-later', visible: 'at-once', error });
  }
}

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
      const { stored, rejected, retryLater } = sorted(await store(pool, batch));
      expect(stored).toHaveLength(39);
      expect(rejected).toEqual([]);
      expect(retryLater).toMatchObject([
        {
          message: batch[13]?.message,
          visible: 'after-timeout',
          error: { code: 'database_failed', retryable: true },
        },
      ]);
      expect(await countedEvents(pool)).toBe(39);
    },
  );

  it('leaves the one whose row is locked, without waiting for the lock', async () => {
    const held = await holdIssue('g5');
    const batch = batchOf(20);
    const { retryLater } = sorted(await store(impatient(), batch));
    expect(retryLater).toMatchObject([{ message: batch[5]?.message, visible: 'after-timeout' }]);
    expect(String(retryLater[0]?.error)).toContain('55P03');
    await held.release();
    expect(await countedEvents(pool)).toBe(19);
  });

  it('separates refused messages from those left for later', async () => {
    await raise(`NEW.message = 'event 1'`, 'P0001');
    await pool.query(`ALTER TABLE issues ADD CONSTRAINT refuse CHECK (message <> 'event 2')`);
    onTestFinished(async () => {
      await pool.query('ALTER TABLE issues DROP CONSTRAINT refuse');
    });
    const batch = batchOf(10);
    const { rejected, retryLater } = sorted(await store(pool, batch));
    expect(rejected).toEqual([batch[2]?.message]);
    expect(retryLater.map(({ message }) => message)).toEqual([batch[1]?.message]);
    expect(await countedEvents(pool)).toBe(8);
  });

  it('leaves the messages that it had no time to try', async () => {
    await raise(`NEW.message = 'event 1'`, 'P0001');
    const once = counting(pool);
    const batch = batchOf(10);
    expectAllAtOnce(await store(once, batch, 0), batch, { code: 'database_failed' });
    // Which issues are known is asked, and storing the new ones fails.
    expect(once.statements).toBe(2);
  });

  it('keeps the messages that were stored before the connection broke', async () => {
    await raise(`NEW.message = 'event 1'`, 'P0001');
    const batch = batchOf(4);
    // The whole batch fails, then the half with event 1; the other half is stored, and what follows finds no server. Each
    // asks first which issues are known.
    const breaking: Db = {
      query: ((query) => {
        left -= 1;
        return left < 0 ? Promise.reject(new Error('Connection terminated')) : pool.query(query);
      }) as Db['query'],
    };
    let left = 6;
    const { stored, retryLater } = sorted(await store(breaking, batch));
    expect(stored).toEqual([batch[2]?.message, batch[3]?.message]);
    expect(retryLater).toMatchObject([
      { message: batch[0]?.message, visible: 'at-once', error: { code: 'database_unavailable' } },
      { message: batch[1]?.message, visible: 'at-once' },
    ]);
    expect(await countedEvents(pool)).toBe(2);
  });

  it('fails where every message does', async () => {
    await raise('true', 'P0001');
    const batch = batchOf(10);
    const fates = await store(pool, batch);
    const inOrder = batch.flatMap(({ message }) => fates.filter((fate) => fate.message === message));
    expectAllAtOnce(inOrder, batch, { code: 'database_failed' });
  });

  it.each(['53100', '58030', '25006', '42501'])(
    'fails at once by %s, which no single message causes',
    async (state) => {
      await raise(`NEW.message = 'event 1'`, state);
      const once = counting(pool);
      const batch = batchOf(10);
      expectAllAtOnce(await store(once, batch), batch, { message: expect.stringContaining(state) });
      expect(once.statements).toBe(2);
    },
  );
});
