import { expect, it } from 'vitest';
import type { TopQuery } from '../../../src/db/counts.ts';
import { topIssues } from '../../../src/db/counts.ts';
import { storeEvents } from '../../../src/db/events.ts';
import { openPast } from '../../../src/db/past.ts';
import { inRolledBackTransaction } from '../../../src/db/transaction.ts';
import type { RankedIssue } from '../../../src/domain/issue.ts';
import { DAY, HOUR, utcDay } from '../../../src/domain/time.ts';
import { createDatabase } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';

const { pool } = await createDatabase();
const MIDNIGHT = Math.floor(Date.now() / DAY) * DAY - DAY;

async function happenAt(hour: number, groupId: string, count: number, hasUsers = true): Promise<void> {
  const events = Array.from({ length: count }, (_, index) =>
    errorEvent({
      groupId,
      user: hasUsers ? `id:${groupId}-${index}` : null,
      receivedAt: new Date(MIDNIGHT + hour * HOUR + 1),
    }),
  );
  await storeEvents(pool, events);
}

const shown = (ranking: readonly RankedIssue[]) =>
  ranking.map(({ issue, events, users }) => `${issue.groupId} ${events} ${users}`);

it('a ranking of each hour is the one that a run had then, also of issues that come later on the day', async () => {
  const wanted = new Map<number, string[][]>();
  const queries = (['events', 'users'] as const).flatMap((by) =>
    [2, 10].map((limit): TopQuery => ({ by, limit, since: utcDay(new Date(MIDNIGHT)), excludeModules: [] })),
  );
  // Old issues without events until noon have the smaller ids. One issue has no users at all.
  await storeEvents(
    pool,
    ['old 1', 'old 2', 'old 3'].map((groupId) =>
      errorEvent({ groupId, receivedAt: new Date(MIDNIGHT - 9 * DAY) }),
    ),
  );
  const happenings: [number, string, number, boolean?][] = [
    [0, 'night', 40],
    [0, 'quiet', 9, false],
    [5, 'night', 3],
    [12, 'old 2', 30],
    [12, 'old 3', 41],
    [18, 'old 1', 60],
  ];
  for (const hour of [0, 5, 12, 18]) {
    for (const [at, ...what] of happenings) if (at === hour) await happenAt(at, ...what);
    const then: string[][] = [];
    for (const query of queries) then.push(shown(await topIssues(pool, query)));
    wanted.set(hour, then);
  }
  await inRolledBackTransaction(pool, 'looking at the past', async (tx) => {
    const past = await openPast(tx);
    for (const [hour, then] of wanted) {
      const start = new Date(MIDNIGHT + hour * HOUR);
      await past.moveTo({ unit: 'hour', start, end: new Date(start.getTime() + HOUR - 1) });
      const found: string[][] = [];
      for (const query of queries) found.push(shown(await past.top(query)));
      expect(found).toEqual(then);
    }
  });
  expect(wanted.get(18)?.[0]).toEqual(['old 1 60 60', 'night 43 40']);
});
