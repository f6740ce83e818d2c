import { beforeEach, describe, expect, it } from 'vitest';
import { recentCounts } from '../../../src/db/daily-counts.ts';
import { storeEvents } from '../../../src/db/events.ts';
import type { Db } from '../../../src/db/pool.ts';
import { happen } from '../../support/alerts.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

const WINDOW = { today: '2026-03-04', weekSince: '2026-02-25', days: 14 };
const at = (date: string) => ({ receivedAt: new Date(`${date}T23:59:59.999Z`) });

async function ids(): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>('SELECT id FROM issues ORDER BY id');
  return rows.map(({ id }) => id);
}

describe('the recent counts of issues', () => {
  it('list today, the week and each of 14 days, the oldest first', async () => {
    await happen(pool, 'a', 3, at('2026-03-04'));
    await happen(pool, 'a', 5, at('2026-03-03'));
    await happen(pool, 'a', 7, at('2026-02-25'));
    await happen(pool, 'a', 11, at('2026-02-24'));
    await happen(pool, 'a', 13, at('2026-02-19'));
    await happen(pool, 'a', 17, at('2026-02-18'));
    const [id = ''] = await ids();
    const { today, week, days } = (await recentCounts(pool, [id], WINDOW))(id);
    expect(today).toEqual({ events: 3, users: 3 });
    expect(week).toEqual({ events: 15, users: 15 });
    expect(days.map(({ date, events }) => `${date} ${events}`)).toEqual([
      '2026-02-19 13',
      '2026-02-20 0',
      '2026-02-21 0',
      '2026-02-22 0',
      '2026-02-23 0',
      '2026-02-24 11',
      '2026-02-25 7',
      '2026-02-26 0',
      '2026-02-27 0',
      '2026-02-28 0',
      '2026-03-01 0',
      '2026-03-02 0',
      '2026-03-03 5',
      '2026-03-04 3',
    ]);
  });

  it('count a user once over days, and an event once', async () => {
    const user = 'id:1';
    const event = errorEvent({ groupId: 'a', user, ...at('2026-03-04') });
    await storeEvents(pool, [event, { ...event }]);
    await happen(pool, 'a', 2, { user, ...at('2026-03-02') });
    const [id = ''] = await ids();
    const { today, week } = (await recentCounts(pool, [id], WINDOW))(id);
    expect(today).toEqual({ events: 1, users: 1 });
    expect(week).toEqual({ events: 3, users: 1 });
  });

  it('count events that a clock dates later as today', async () => {
    await happen(pool, 'a', 2, at('2026-03-04'));
    await happen(pool, 'a', 3, at('2027-01-01'));
    const [id = ''] = await ids();
    const { today, week, days } = (await recentCounts(pool, [id], WINDOW))(id);
    expect(today.events).toBe(5);
    expect(week.events).toBe(5);
    expect(days.at(-1)).toEqual({ date: '2026-03-04', events: 5, users: 5 });
    expect(days).toHaveLength(14);
  });

  it('are separate for each issue, in one query, and zero without events', async () => {
    await happen(pool, 'a', 2, at('2026-03-04'));
    await happen(pool, 'b', 3, at('2026-03-04'));
    await happen(pool, 'c', 4, at('2025-01-01'));
    const asked: string[] = [];
    const counting = {
      query: (query: { text: string; values?: unknown[] }) => {
        asked.push(query.text);
        return pool.query(query);
      },
    } as unknown as Db;
    const all = await ids();
    const recent = await recentCounts(counting, all, WINDOW);
    expect(all.map((id) => recent(id).today.events)).toEqual([2, 3, 0]);
    expect(recent('999').days.every(({ events, users }) => events === 0 && users === 0)).toBe(true);
    expect(asked).toHaveLength(1);
  });
});
