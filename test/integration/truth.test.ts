import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { importTriggers } from '../../src/watcher/triggers/file.ts';
import { createDatabase } from '../support/database.ts';
import type { History } from '../truth/history.ts';
import { never, once } from '../truth/history.ts';
import { reaches } from '../truth/moments.ts';
import { replay } from '../truth/replay.ts';
import { score, totals } from '../truth/score.ts';
import { eventsOf } from '../truth/stream.ts';

const TRIGGERS = fileURLToPath(new URL('../../docs/examples/recommended.ts', import.meta.url));

/** Short histories, whose alerts are known to the minute. */
const HISTORIES: readonly History[] = [
  {
    name: 'a crash of 60 users',
    from: new Date('2026-03-10T08:00:00Z'),
    hours: 1,
    background: 0,
    issues: [
      {
        name: 'crash',
        streams: [{ from: 0.25, until: 0.5, events: 60, users: 60 }],
        label: once({ start: 0.25, wanted: reaches({ users: 50 }), within: 10 }, 'Fifty users have it.'),
      },
      {
        name: 'loop',
        streams: [{ from: 0, until: 1, events: 500, users: 1 }],
        label: never('One user has it.'),
      },
    ],
  },
  {
    name: 'a batch that is a day late',
    from: new Date('2026-03-10T08:00:00Z'),
    hours: 1,
    background: 0,
    forwarded: 2,
    issues: [
      {
        name: 'late',
        streams: [{ from: -24.5, until: -24, events: 150, users: 150, lateBy: 24.5 }],
        label: once({ start: 0, wanted: reaches({ users: 50 }), within: 15 }, 'Fifty users had it.'),
      },
    ],
  },
];

it('notifies of the histories’ incidents at the expected minute, and of nothing else', async () => {
  const triggers = await importTriggers(TRIGGERS);
  const alerts: string[] = [];
  const scores = [];
  for (const history of HISTORIES) {
    const { pool } = await createDatabase();
    const events = eventsOf(history);
    const scored = score(history, events, await replay(pool, history, events, triggers));
    alerts.push(...scored.alerts.map(({ issue, at, by }) => `${new Date(at).toISOString()} ${issue}: ${by}`));
    scores.push(scored);
  }
  expect(alerts).toEqual([
    '2026-03-10T08:30:00.000Z crash: New issue',
    '2026-03-10T08:20:00.000Z late: Affected users',
  ]);
  expect(totals(scores)).toMatchObject({ precision: 1, recall: 1, falseAlerts: 0, mostAnHour: 1 });
});
