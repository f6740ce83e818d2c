import { beforeEach, describe, expect, it } from 'vitest';
import { isEmail } from '../../../../src/config/is-email.ts';
import { storeEvents } from '../../../../src/db/events.ts';
import type { ErrorEvent } from '../../../../src/domain/event.ts';
import type { Step } from '../../../../src/domain/step.ts';
import { NO_TAGS } from '../../../../src/domain/tags.ts';
import { DAY, HOUR, utcDay } from '../../../../src/domain/time.ts';
import type { Trigger } from '../../../../src/domain/trigger.ts';
import {
  newInRelease,
  newIssueHitsUsers,
  newTopIssue,
  regression,
  spike,
  userMilestones,
} from '../../../../src/index.ts';
import { backtest } from '../../../../src/watcher/backtest/backtest.ts';
import { stepsOf } from '../../../../src/watcher/backtest/steps.ts';
import { loadTriggers } from '../../../../src/watcher/triggers/load.ts';
import { withinAnHour } from '../../../support/clock.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { runHere } from '../../../support/run.ts';
import { contents } from '../../../support/watcher.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

const ANN = 'ann@example.com';
const BOB = 'bob@example.com';
const EVE = 'eve@example.com';

/** Asks everything that a context answers about days, and notifies again and again. */
const curious: Trigger = {
  name: 'Curious',
  emails: [BOB],
  async evaluate(issue, context) {
    const [today, week, days, tags, top, last, never] = await Promise.all([
      context.counts(issue, { days: 0 }),
      context.counts(issue, { days: 5 }),
      context.series(issue, { days: 4 }),
      context.tags(issue, 'release', { days: 3 }),
      context.top({ days: 2, limit: 5, by: 'users' }),
      context.lastAlert({ id: context.recipients[0]?.id ?? '', email: BOB }, issue),
      context.neverNotified(issue, 'thisTrigger'),
    ]);
    // It may have had no events in this hour, or none yet on this day.
    const lowest = top.at(-1)?.issue ?? issue;
    const [itsWeek, itsDays] = await Promise.all([
      context.counts(lowest, { days: 5 }),
      context.series(lowest, { days: 1 }),
    ]);
    const because = JSON.stringify({
      at: context.now,
      itsWeek,
      itsDays,
      lastSeen: utcDay(issue.lastSeen),
      today,
      week,
      days,
      tags,
      top: top.map(({ issue: { groupId }, rank, events, users }) => ({ groupId, rank, events, users })),
      last,
      never,
    });
    return today.events > 4 ? { notify: true, because: because.slice(0, 900) } : { notify: false };
  },
};

const DAYWISE: readonly Trigger[] = [
  newIssueHitsUsers([ANN, BOB], { users: 6 }),
  newTopIssue([ANN], { rank: 3, moreEventsThan: 20 }),
  userMilestones([ANN], { milestones: [5, 10, 20, 40] }),
  newInRelease([EVE], { releases: 1, events: 3, users: 2 }),
  curious,
];
const BACK = regression([ANN], { quietDays: 2, events: 3, users: 2 });
const HOURWISE: readonly Trigger[] = [
  spike([ANN], { times: 2, events: 4, users: 2 }),
  {
    name: 'Hours',
    emails: [BOB],
    async evaluate(issue, context) {
      const [counts, series] = await Promise.all([
        context.counts(issue, { hours: 3 }),
        context.series(issue, { hours: 5 }),
      ]);
      return { notify: counts.users > 2, because: JSON.stringify({ counts, series }) };
    },
  },
];

/** Events of ten issues in each step, more or fewer by the step's number; always the same. */
function eventsOf(step: Step, index: number): ErrorEvent[] {
  const length = step.unit === 'day' ? DAY : HOUR;
  return Array.from({ length: 10 }, (_, issue) => {
    // One issue comes back, and two are new in a release.
    const isQuiet = (issue === 7 && index > 1 && index < 5) || (issue > 7 && index < 7);
    const count = isQuiet ? 0 : (index * 7 + issue * issue * 3) % (issue === 3 && index % 9 === 0 ? 40 : 6);
    return Array.from({ length: count }, (__, place) =>
      errorEvent({
        eventId: `${issue}-${index}-${place}`,
        groupId: `g${issue}`,
        message: `issue ${issue}`,
        user: `id:${(place * 5 + index) % (issue + 3)}${issue}`,
        receivedAt: new Date(step.start.getTime() + (place * length) / 50),
        tags: { ...NO_TAGS, release: `${140 + Math.floor(index / 6)}.0` },
      }),
    );
  }).flat();
}

/** Runs the watcher at the end of each step, as it happened, without the last step, which isn't over. */
async function live(steps: readonly Step[], triggers: readonly Trigger[]): Promise<void> {
  for (const [index, step] of steps.slice(0, -1).entries()) {
    await storeEvents(pool, eventsOf(step, index));
    await runHere(pool, triggers, { at: step.end });
  }
}

async function liveAlerts(): Promise<unknown[]> {
  const { rows } = await pool.query(
    `SELECT ran_at AS at, trigger, email AS recipient, group_id AS "groupId", message, because
     FROM alerts JOIN trigger_runs ON trigger_runs.id = run_id JOIN recipients ON recipients.id = recipient_id
     JOIN issues ON issues.id = issue_id ORDER BY alerts.id`,
  );
  return rows;
}

async function backtested(days: number, triggers: readonly Trigger[]) {
  const set = await loadTriggers(triggers, 'the test', null, isEmail);
  return await backtest(pool, {
    days,
    sets: [set],
    progress: () => undefined,
    signal: new AbortController().signal,
  });
}

describe('a backtest', () => {
  it.each([
    { name: 'hour by hour', days: 2, hoursSince: 2, triggers: [...DAYWISE, ...HOURWISE] },
    { name: 'day by day, then hour by hour', days: 7, hoursSince: 1, triggers: [...DAYWISE, BACK] },
  ])('says of the past what the watcher did then: $name', async ({ days, hoursSince, triggers }) => {
    const { midnight, before, found, expected } = await withinAnHour(async () => {
      await emptyTables(pool);
      const now = new Date();
      const midnight = new Date(Math.floor(now.getTime() / DAY) * DAY - hoursSince * DAY);
      const steps = stepsOf({ now, daysSince: new Date(0), olderIssues: false, hoursSince: midnight }, days);
      await live(steps, triggers);
      await pool.query('DELETE FROM issue_hours WHERE hour < $1', [midnight]);
      const before = await contents(pool);
      const found = await backtested(days, triggers);
      return { midnight, before, found, expected: await liveAlerts() };
    });
    expect(found.stored.hoursSince).toEqual(midnight);
    expect(new Set(expected.map((alert) => (alert as { trigger: string }).trigger))).toEqual(
      new Set(triggers.map(({ name }) => name)),
    );
    expect(found.files[0]?.alerts.list).toEqual(expected);
    expect(await contents(pool)).toEqual(before);
  });
});
