import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { knownStatement, newStatement, storeEvents } from '../../../src/db/events.ts';
import { NO_TAGS } from '../../../src/domain/tags.ts';
import { DAY, HOUR } from '../../../src/domain/time.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

const NOON = new Date('2026-05-06T12:00:00Z');

async function rowsOf<T>(sql: string): Promise<T[]> {
  const { rows } = await pool.query(sql);
  return rows as T[];
}

describe('the hours of an issue', () => {
  it('have the same two sets for each UTC hour, in addition to the sets of the day', async () => {
    const at = (time: string, user: string) =>
      errorEvent({ user, receivedAt: new Date(`2026-05-06T${time}Z`) });
    await storeEvents(pool, [at('11:59:59.999', 'id:1'), at('12:00:00', 'id:1'), at('12:30:00', 'id:2')]);
    await storeEvents(pool, [at('12:59:59.999', 'id:2')]);
    const hours = await rowsOf(
      `SELECT to_char(hour AT TIME ZONE 'UTC', 'HH24:MI') AS hour, hll_cardinality(event_set)::int AS events,
              hll_cardinality(user_set)::int AS users
       FROM issue_hours ORDER BY 1`,
    );
    expect(hours).toEqual([
      { hour: '11:00', events: 1, users: 1 },
      { hour: '12:00', events: 3, users: 2 },
    ]);
    expect(await rowsOf('SELECT hll_cardinality(event_set)::int AS events FROM issue_buckets')).toEqual([
      { events: 4 },
    ]);
  });

  it('add up to the day in any batches, even if events come twice or late', async () => {
    const event = fc
      .record({ eventId: fc.nat({ max: 80 }).map(String), minute: fc.nat({ max: 24 * 60 - 1 }) })
      // The same event has the same time, as Sentry sends it.
      .map(({ eventId }) =>
        errorEvent({ eventId, receivedAt: new Date(NOON.getTime() + Number(eventId) * 540_000) }),
      );
    const batches = fc.array(fc.array(event, { minLength: 1, maxLength: 30 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(batches, async (given) => {
        await emptyTables(pool);
        for (const batch of given) await storeEvents(pool, batch);
        const [sums] = await rowsOf(
          `SELECT (SELECT coalesce(sum(hll_cardinality(event_set)), 0)::int FROM issue_hours) AS hours,
                  (SELECT coalesce(sum(hll_cardinality(event_set)), 0)::int FROM issue_buckets) AS days`,
        );
        const distinct = new Set(given.flat().map(({ eventId }) => eventId)).size;
        expect(sums).toEqual({ hours: distinct, days: distinct });
      }),
      { numRuns: 40, seed: 20261125 },
    );
  });
});

describe('the text of an issue', () => {
  it('has release, environment and log message of the first event', async () => {
    const tags = { ...NO_TAGS, release: '140.0', environment: 'nightly' };
    await storeEvents(pool, [errorEvent({ tags, logMessage: 'in a handler', receivedAt: NOON })]);
    await storeEvents(pool, [
      errorEvent({ tags: { ...tags, release: '141.0' }, receivedAt: new Date(NOON.getTime() - 60_000) }),
    ]);
    expect(await rowsOf('SELECT first_release, environment, log_message FROM issues')).toEqual([
      { first_release: '140.0', environment: 'nightly', log_message: 'in a handler' },
    ]);
  });

  it('is written once: values that change with every event are in another table', async () => {
    await storeEvents(pool, [errorEvent({ receivedAt: NOON })]);
    const version = () => rowsOf('SELECT xmin::text, ctid::text FROM issues');
    const before = await version();
    for (let minute = 1; minute <= 5; minute += 1) {
      await storeEvents(pool, [errorEvent({ receivedAt: new Date(NOON.getTime() + minute * 60_000) })]);
    }
    expect(await version()).toEqual(before);
    const [activity] = await rowsOf<{ last_seen: Date; own: boolean }>(
      'SELECT last_seen, xmin = changed_in::xid AS own FROM issue_activity',
    );
    expect(activity).toEqual({ last_seen: new Date(NOON.getTime() + 300_000), own: true });
  });
});

describe('the sample of an issue’s tags', () => {
  it('has the tags of every event of a quiet day, each once', async () => {
    const tagged = (eventId: string, release: string | null, os: string | null) =>
      errorEvent({ eventId, receivedAt: NOON, tags: { ...NO_TAGS, release, os } });
    const events = [
      tagged('a', '1', 'Linux'),
      tagged('b', '2', null),
      tagged('c', '1', 'Windows'),
      tagged('d', null, null),
    ];
    await storeEvents(pool, [...events, ...events]);
    await storeEvents(pool, events.slice(0, 2));
    const rows = await rowsOf('SELECT release, os FROM issue_tags ORDER BY release, os');
    expect(rows).toEqual([
      { release: '1', os: 'Linux' },
      { release: '1', os: 'Windows' },
      { release: '2', os: null },
      { release: null, os: null },
    ]);
  });

  it('is empty where no tags are stored', async () => {
    await storeEvents(pool, [errorEvent({ tags: NO_TAGS })]);
    expect(await rowsOf('SELECT 1 FROM issue_tags')).toEqual([]);
  });

  it('has the events with the lowest hashes, in any order and any batches', async () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => `event-${index}`);
    const lowest = await rowsOf<{ id: string }>(
      `SELECT id FROM unnest('{${ids}}'::text[]) AS id ORDER BY hashtextextended(id, 0) LIMIT 64`,
    );
    const expected = lowest.map(({ id }) => id);
    const orders = fc.tuple(fc.shuffledSubarray(ids, { minLength: 1_000 }), fc.integer({ min: 1, max: 300 }));
    await fc.assert(
      fc.asyncProperty(orders, async ([shuffled, size]) => {
        await emptyTables(pool);
        const events = shuffled.map((eventId) =>
          errorEvent({ eventId, receivedAt: NOON, tags: { ...NO_TAGS, release: eventId } }),
        );
        for (let start = 0; start < events.length; start += size) {
          await storeEvents(pool, events.slice(start, start + size));
        }
        const sampled = await rowsOf<{ release: string }>('SELECT release FROM issue_tags ORDER BY hash');
        expect(sampled.slice(0, 64).map(({ release }) => release)).toEqual(expected);
        expect(sampled.length).toBeLessThan(600);
      }),
      { numRuns: 12, seed: 20261125 },
    );
  });

  it('is deleted with its issue', async () => {
    const tags = { ...NO_TAGS, os: 'Linux' };
    await storeEvents(pool, [errorEvent({ groupId: 'a', tags }), errorEvent({ groupId: 'b', tags })]);
    await pool.query(`DELETE FROM issues WHERE group_id = 'a'`);
    const left = await rowsOf('SELECT group_id FROM issue_tags JOIN issues ON issues.id = issue_id');
    expect(left).toEqual([{ group_id: 'b' }]);
    expect(await rowsOf('SELECT FROM issue_tags')).toHaveLength(1);
  });

  it('is not thinned out by late events of other days, or by a clock that is ahead', async () => {
    const of = (release: string, count: number, receivedAt: Date) =>
      Array.from({ length: count }, () => errorEvent({ receivedAt, tags: { ...NO_TAGS, release } }));
    await storeEvents(pool, of('A', 1_000, NOON));
    const weekAgo = new Date(NOON.getTime() - 7 * DAY);
    for (let batch = 0; batch < 20; batch += 1) await storeEvents(pool, of('late', 1_000, weekAgo));
    await storeEvents(pool, of('ahead', 3, new Date(NOON.getTime() + DAY)));
    await storeEvents(pool, of('B', 1_000, NOON));
    const counts = await rowsOf<{ release: string; sampled: number }>(
      `SELECT release, count(*)::int AS sampled FROM (
         SELECT release FROM issue_tags WHERE date = '2026-05-06' ORDER BY hash LIMIT 128
       ) AS lowest GROUP BY release ORDER BY release`,
    );
    expect(counts.map(({ release }) => release)).toEqual(['A', 'B']);
    for (const { sampled } of counts) expect(sampled).toBeGreaterThan(32);
    const [late] = await rowsOf<{ rows: number }>(
      `SELECT count(*)::int AS rows FROM issue_tags WHERE release = 'late'`,
    );
    expect(late?.rows).toBeLessThan(2_500);
  });

  it('grows only with the logarithm of the events, whichever events are sent', async () => {
    const long = (index: number) => `${index}${'é'.repeat(99)}`.slice(0, 100);
    for (let batch = 0; batch < 50; batch += 1) {
      await storeEvents(
        pool,
        Array.from({ length: 400 }, (_, index) => {
          const value = long(batch * 400 + index);
          const tags = { release: value, environment: value, browser: value, os: value };
          return errorEvent({ receivedAt: NOON, tags });
        }),
      );
    }
    const [size] = await rowsOf<{ rows: number }>('SELECT count(*)::int AS rows FROM issue_tags');
    // 128 · (1 + ln(20,000 / 128)) is 775 on average.
    expect(size?.rows).toBeGreaterThan(128);
    expect(size?.rows).toBeLessThan(1_200);
  });
});

describe('workers that store the same issues at once', () => {
  it('don’t deadlock where events come late, issues are new to some, and some roll back', async () => {
    const groups = Array.from({ length: 6 }, (_, index) => `g${index}`);
    let seed = 7;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const worker = async () => {
      const client = await pool.connect();
      try {
        for (let round = 0; round < 50; round += 1) {
          const events = groups
            .filter(() => random() < 0.5)
            .map((groupId) =>
              errorEvent({ groupId, receivedAt: new Date(NOON.getTime() - Math.floor(random() * 5) * HOUR) }),
            );
          // Workers commit each statement by itself, so each transaction has one statement.
          const statement = random() < 0.5 ? knownStatement(events) : newStatement(events);
          await client.query('BEGIN');
          await client.query(statement.text, statement.values);
          await client.query(random() < 0.7 ? 'COMMIT' : 'ROLLBACK');
        }
      } finally {
        client.release();
      }
    };
    await expect(Promise.all(Array.from({ length: 6 }, worker))).resolves.toBeDefined();
  });
});
