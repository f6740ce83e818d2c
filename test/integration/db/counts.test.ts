import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { countsOf, topIssues } from '../../../src/db/counts.ts';
import { storeEvents } from '../../../src/db/events.ts';
import { currentHour } from '../../support/clock.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';
import { explaining } from '../../support/plan.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

const DAYS = ['2026-05-01', '2026-05-02', '2026-05-03'] as const;
const MODULES = ['app', 'moz-extension://abc', 'moz', ''] as const;

/** An issue: its module, and of each day which events and which users it saw. */
const issue = fc.record({
  module: fc.constantFrom(...MODULES),
  days: fc.array(fc.record({ day: fc.constantFrom(...DAYS), user: fc.integer({ min: 0, max: 5 }) }), {
    minLength: 1,
    maxLength: 12,
  }),
});

interface Ranked {
  readonly groupId: string;
  readonly events: number;
  readonly users: number;
}

async function ranking(query: Parameters<typeof topIssues>[1]): Promise<Ranked[]> {
  const ranked = await topIssues(pool, query);
  expect(ranked.map(({ rank }) => rank)).toEqual(ranked.map((_, index) => index + 1));
  return ranked.map(({ issue: { groupId }, events, users }) => ({ groupId, events, users }));
}

describe('the top issues', () => {
  it('are those with the highest unions over the days, ties by age, whatever overlaps', async () => {
    const given = fc.record({
      issues: fc.array(issue, { maxLength: 15 }),
      since: fc.constantFrom(...DAYS),
      limit: fc.integer({ min: 1, max: 6 }),
      by: fc.constantFrom('events' as const, 'users' as const),
      excludeModules: fc.subarray(['moz-extension', 'app']),
    });
    await fc.assert(
      fc.asyncProperty(given, async ({ issues, ...query }) => {
        await emptyTables(pool);
        const expected: Ranked[] = [];
        for (const [index, { module, days }] of issues.entries()) {
          const groupId = `g${index}`;
          await storeEvents(
            pool,
            days.map(({ day, user }) =>
              errorEvent({ groupId, module, user: `id:${user}`, receivedAt: new Date(`${day}T12:00:00Z`) }),
            ),
          );
          const counted = days.filter(({ day }) => day >= query.since);
          const excluded = query.excludeModules.some((prefix) => module.startsWith(prefix));
          if (counted.length === 0 || excluded) continue;
          const users = new Set(counted.map(({ user }) => user)).size;
          expected.push({ groupId, events: counted.length, users });
        }
        // Stable: issues were made in order of their age.
        expected.sort((one, other) => other[query.by] - one[query.by]);
        expect(await ranking(query)).toEqual(expected.slice(0, query.limit));
      }),
      { numRuns: 60, seed: 20261124 },
    );
  });

  it('are found where sums over days mislead: the same users every day against others on one', async () => {
    const users = (groupId: string, day: string, from: number, count: number) =>
      Array.from({ length: count }, (_, user) =>
        errorEvent({ groupId, user: `id:${from + user}`, receivedAt: new Date(`${day}T12:00:00Z`) }),
      );
    await storeEvents(pool, [
      ...DAYS.flatMap((day) => users('the same', day, 0, 50)),
      ...users('others', DAYS[2], 100, 60),
      ...users('few', DAYS[2], 300, 10),
    ]);
    const top = await ranking({ since: DAYS[0], limit: 1, by: 'users', excludeModules: [] });
    expect(top).toEqual([{ groupId: 'others', events: 60, users: 60 }]);
  });
});

describe("an issue's counts", () => {
  it('are found by its key, also if the statistics are older than the newest hour', async () => {
    await pool.query(
      `INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen)
       SELECT 'g' || n, '1', 'm', 'app', '[]', now(), now() FROM generate_series(1, 500) AS n`,
    );
    const hours = (from: number, to: number) =>
      pool.query({
        text: `INSERT INTO issue_hours (issue_id, hour, event_set, user_set)
               SELECT id, date_trunc('hour', now()) - n * interval '1 hour', hll_empty(11, 5, -1, 1), hll_empty(11, 5, -1, 1)
               FROM issues CROSS JOIN generate_series($1::int, $2::int) AS n`,
        values: [from, to],
      });
    await hours(1, 20);
    await pool.query('ANALYZE issue_hours');
    await hours(0, 0);
    const { db, plan } = explaining(pool);
    await countsOf(db, ['1'], { unit: 'hour', since: currentHour().toISOString() });
    expect(plan()).toContain('issue_hours_pkey');
  });
});
