import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { countsOf } from '../../../src/db/counts.ts';
import { storeEvents } from '../../../src/db/events.ts';
import type { ErrorEvent } from '../../../src/domain/event.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

interface Bucket {
  readonly group_id: string;
  readonly date: string;
  readonly events: number;
  readonly users: number;
}

async function buckets(): Promise<Bucket[]> {
  const { rows } = await pool.query<Bucket>(
    `SELECT group_id, date::text, hll_cardinality(event_set)::int AS events, hll_cardinality(user_set)::int AS users
     FROM issue_buckets JOIN issues ON id = issue_id ORDER BY group_id, date`,
  );
  return rows;
}

describe('storing events', () => {
  it('counts events and users for each issue and UTC day', async () => {
    await storeEvents(pool, [
      errorEvent({ groupId: 'a', user: 'id:1', receivedAt: new Date('2026-05-06T23:59:59.999Z') }),
      errorEvent({ groupId: 'a', user: 'id:1', receivedAt: new Date('2026-05-06T00:00:00Z') }),
      errorEvent({ groupId: 'a', user: 'id:2', receivedAt: new Date('2026-05-07T00:00:00Z') }),
      errorEvent({ groupId: 'b', user: null, receivedAt: new Date('2026-05-06T12:00:00Z') }),
    ]);
    expect(await buckets()).toEqual([
      { group_id: 'a', date: '2026-05-06', events: 2, users: 1 },
      { group_id: 'a', date: '2026-05-07', events: 1, users: 1 },
      { group_id: 'b', date: '2026-05-06', events: 1, users: 0 },
    ]);
  });

  it('counts an event once, however often it is stored', async () => {
    const events = [errorEvent({ eventId: 'e1' }), errorEvent({ eventId: 'e2', user: 'id:7' })];
    await storeEvents(pool, events);
    await storeEvents(pool, [...events, ...events]);
    expect(await buckets()).toMatchObject([{ events: 2, users: 2 }]);
  });

  it('keeps text and stack of the first event, and moves last_seen forward only', async () => {
    const at = (day: string) => new Date(`2026-05-${day}T12:00:00Z`);
    await storeEvents(pool, [errorEvent({ message: 'first', module: 'm1', receivedAt: at('06') })]);
    await storeEvents(pool, [errorEvent({ message: 'later', module: 'm2', receivedAt: at('08') })]);
    await storeEvents(pool, [errorEvent({ message: 'late', module: 'm3', receivedAt: at('02') })]);
    const { rows } = await pool.query(
      'SELECT message, module, first_seen, activity.last_seen FROM issues JOIN issue_activity AS activity ON issue_id = id',
    );
    expect(rows).toEqual([{ message: 'first', module: 'm1', first_seen: at('02'), last_seen: at('08') }]);
  });

  it('stores no user data', async () => {
    await storeEvents(pool, [errorEvent({ user: 'email:ann@example.com' })]);
    const { rows } = await pool.query<{ row: string }>(
      'SELECT issues::text || issue_buckets::text AS row FROM issues JOIN issue_buckets ON id = issue_id',
    );
    expect(rows[0]?.row).not.toContain('ann');
  });

  it('lets six workers store the same issues at once, in any order, without a deadlock', async () => {
    const groups = Array.from({ length: 20 }, (_, index) => `g${index}`);
    // One bucket each, at midnight too.
    const receivedAt = new Date();
    const worker = async (number: number) => {
      for (let round = 0; round < 25; round += 1) {
        const turned = groups.map(
          (_, index) => groups[(index * 7 + number * 3 + round) % groups.length] ?? '',
        );
        await storeEvents(
          pool,
          turned.map((groupId) => errorEvent({ groupId, eventId: `${number}-${round}`, receivedAt })),
        );
      }
    };
    // Fewer than 160 elements a bucket: hll counts exactly.
    const workers = Array.from({ length: 6 }, (_, number) => worker(number));
    await expect(Promise.all(workers)).resolves.toBeDefined();
    expect((await buckets()).map(({ events }) => events)).toEqual(groups.map(() => 150));
  });

  it('refuses the whole batch that Postgres refuses, by a code', async () => {
    const refused = { ...errorEvent({ groupId: 'b' }), message: 'a\0b' };
    await expect(storeEvents(pool, [errorEvent({ groupId: 'a' }), refused])).rejects.toMatchObject({
      code: 'database_refused',
      retryable: false,
    });
    expect(await buckets()).toEqual([]);
  });

  it('agrees with sets in memory for any events in any batches', async () => {
    const day = fc.constantFrom('2026-05-05', '2026-05-06', '2026-05-07');
    const event = fc
      .record({
        groupId: fc.constantFrom('a', 'b', 'c'),
        eventId: fc.constantFrom('e1', 'e2', 'e3', 'e4'),
        user: fc.constantFrom('id:1', 'id:2', null),
        day,
      })
      .map(({ day: date, ...fields }) =>
        errorEvent({ ...fields, receivedAt: new Date(`${date}T12:00:00Z`) }),
      );
    const batches = fc.array(fc.array(event, { minLength: 1, maxLength: 10 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(batches, async (given) => {
        await emptyTables(pool);
        for (const batch of given) await storeEvents(pool, batch);
        expect(await buckets()).toEqual(expectedBuckets(given.flat()));
      }),
      { numRuns: 60, seed: 20261124 },
    );
  });
});

function expectedBuckets(events: readonly ErrorEvent[]): Bucket[] {
  const sets = new Map<string, { events: Set<string>; users: Set<string> }>();
  for (const { groupId, receivedAt, eventId, user } of events) {
    const key = `${groupId} ${receivedAt.toISOString().slice(0, 10)}`;
    const set = sets.get(key) ?? { events: new Set(), users: new Set() };
    set.events.add(eventId);
    if (user !== null) set.users.add(user);
    sets.set(key, set);
  }
  return [...sets.entries()].sort().map(([key, set]) => {
    const [group_id = '', date = ''] = key.split(' ');
    return { group_id, date, events: set.events.size, users: set.users.size };
  });
}

describe('the counts of an issue', () => {
  it('are unions over the days: a user of two days is one user', async () => {
    await storeEvents(pool, [
      errorEvent({ user: 'id:1', receivedAt: new Date('2026-05-05T12:00:00Z') }),
      errorEvent({ user: 'id:1', receivedAt: new Date('2026-05-06T12:00:00Z') }),
      errorEvent({ user: 'id:2', receivedAt: new Date('2026-05-04T12:00:00Z') }),
    ]);
    const { rows } = await pool.query<{ id: string }>('SELECT id FROM issues');
    const id = rows[0]?.id ?? '';
    expect((await countsOf(pool, [id], { unit: 'day', since: '2026-05-05' })).get(id)).toEqual({
      events: 2,
      users: 1,
    });
    expect((await countsOf(pool, [id], { unit: 'day', since: '2026-05-07' })).get(id)).toEqual({
      events: 0,
      users: 0,
    });
  });
});
