import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { countsOf, topIssues } from '../../../src/db/counts.ts';
import { recentCounts } from '../../../src/db/daily-counts.ts';
import { storeEvents } from '../../../src/db/events.ts';
import { createDatabase } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';

const { pool } = await createDatabase();

const ISSUES = 12;
const EVENTS = 300;
const DAYS = ['2026-03-02', '2026-03-03', '2026-03-04'] as const;
const [FIRST, , TODAY] = DAYS;

/** The same ids each time, so that the same estimates cross. */
const hash = (text: string) => createHash('md5').update(text).digest('hex');

/** Each event has a user of its own, so half of the estimates of users come out above those of events. */
async function storeCrossing(): Promise<void> {
  for (let issue = 0; issue < ISSUES; issue += 1) {
    const events = DAYS.flatMap((day) =>
      Array.from({ length: EVENTS }, (_, index) =>
        errorEvent({
          groupId: `g${issue}`,
          eventId: hash(`event ${issue} ${day} ${index}`),
          user: `id:${hash(`user ${issue} ${day} ${index}`)}`,
          receivedAt: new Date(`${day}T12:00:00Z`),
        }),
      ),
    );
    await storeEvents(pool, events);
  }
}

it('an issue never has more users than events, for triggers, rankings and emails alike', async () => {
  await storeCrossing();
  const { rows: crossed } = await pool.query(
    `SELECT issue_id FROM issue_buckets GROUP BY issue_id
     HAVING hll_cardinality(hll_union_agg(user_set)) > hll_cardinality(hll_union_agg(event_set)) + 1`,
  );
  const { rows: crossedDays } = await pool.query(
    `SELECT date FROM issue_buckets WHERE hll_cardinality(user_set) > hll_cardinality(event_set) + 1`,
  );
  expect(crossed.length).toBeGreaterThan(2);
  expect(crossedDays.length).toBeGreaterThan(5);

  const { rows } = await pool.query<{ id: string }>('SELECT id FROM issues ORDER BY id');
  const ids = rows.map(({ id }) => id);
  const window = { today: TODAY, weekSince: FIRST, days: DAYS.length };
  const recent = await recentCounts(pool, ids, window);
  const query = { since: FIRST, limit: ISSUES, excludeModules: [] };
  const byUsers = await topIssues(pool, { ...query, by: 'users' });
  const shown = [
    ...(await countsOf(pool, ids, { unit: 'day', since: FIRST })).values(),
    ...(await topIssues(pool, { ...query, by: 'events' })),
    ...byUsers,
    ...ids.flatMap((id) => [recent(id).today, recent(id).week, ...recent(id).days]),
  ];
  expect(shown).toHaveLength(ISSUES * (1 + 1 + 1 + 2 + DAYS.length));
  expect(shown.filter(({ events, users }) => users > events)).toEqual([]);
  // A ranking by users is in the order of the users that it shows.
  const users = byUsers.map((ranked) => ranked.users);
  expect(users).toEqual(users.toSorted((one, other) => other - one));
});
