import { beforeEach, describe, expect, it } from 'vitest';
import { CANARY, canaryState, claimCanary, markCounted, markRefused } from '../../../../src/db/canaries.ts';
import { topIssues } from '../../../../src/db/counts.ts';
import { storeEvents } from '../../../../src/db/events.ts';
import { prune } from '../../../../src/db/prune.ts';
import type { Trigger } from '../../../../src/domain/trigger.ts';
import { backtest } from '../../../../src/watcher/backtest/backtest.ts';
import { loadTriggers } from '../../../../src/watcher/triggers/load.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { runHere } from '../../../support/run.ts';
import { outbox } from '../../../support/watcher.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

const HOUR_SECONDS = 3_600;
const FIRST = 'a'.repeat(32);
const SECOND = 'b'.repeat(32);
const NEVER = new AbortController().signal;
const MESSAGE = `CanaryError: ${CANARY}: bec-alerts sends this error itself`;

const everyEvent: Trigger = {
  name: 'Every event',
  emails: ['ann@example.com'],
  evaluate: () => ({ notify: true, because: 'it changed' }),
};

/** Counts an event with the text of a canary. */
const count = (eventId: string, groupId = 'canary', receivedAt = new Date()) =>
  storeEvents(pool, [errorEvent({ groupId, eventId, receivedAt, message: MESSAGE })]);
const notified = async () => (await outbox(pool)).map(({ group_id }) => group_id);
const backdate = (seconds: number) =>
  pool.query(
    `UPDATE canaries SET due_at = due_at - $1 * interval '1 s', sent_at = sent_at - $1 * interval '1 s'`,
    [seconds],
  );

describe('a canary', () => {
  it('is given to one of many watchers, and none is due until the next interval', async () => {
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, index) => claimCanary(pool, String(index).repeat(32), HOUR_SECONDS)),
    );
    expect(claims.filter(({ eventId }) => eventId !== null)).toHaveLength(1);
    const [{ nextInMilliseconds } = { nextInMilliseconds: 0 }] = claims;
    expect(nextInMilliseconds).toBeGreaterThan(0);
    expect(nextInMilliseconds).toBeLessThanOrEqual(HOUR_SECONDS * 1_000);
    await backdate(HOUR_SECONDS);
    expect((await claimCanary(pool, SECOND, HOUR_SECONDS)).eventId).toBe(SECOND);
  });

  it('that Sentry did not accept is given out again, with the same event id, and once', async () => {
    await claimCanary(pool, FIRST, HOUR_SECONDS);
    await markRefused(pool, FIRST, 'it answered 403');
    const again = await Promise.all([SECOND, SECOND].map((id) => claimCanary(pool, id, HOUR_SECONDS)));
    expect(again.map(({ eventId }) => eventId).sort()).toEqual([FIRST, null].sort());
  });

  it('is marked once, by its event id', async () => {
    await claimCanary(pool, FIRST, HOUR_SECONDS);
    await count(SECOND);
    expect(await markCounted(pool)).toEqual([]);
    await count(FIRST);
    const marked = await Promise.all([markCounted(pool), markCounted(pool), markCounted(pool)]);
    expect(marked.flat()).toEqual([{ id: expect.any(String), delayMilliseconds: expect.any(Number) }]);
    expect(await markCounted(pool)).toEqual([]);
  });

  it('is found among 149 events of the same hour, and no other id is taken for it', async () => {
    await claimCanary(pool, FIRST, HOUR_SECONDS);
    const now = new Date();
    const others = Array.from({ length: 149 }, (_, index) => String(index).padStart(32, '0'));
    await storeEvents(
      pool,
      others.map((eventId) => errorEvent({ groupId: 'canary', eventId, receivedAt: now, message: MESSAGE })),
    );
    expect(await markCounted(pool)).toEqual([]);
    await count(FIRST, 'canary', now);
    expect(await markCounted(pool)).toHaveLength(1);
  });

  it('is found if Sentry’s clock is 50 minutes behind', async () => {
    await claimCanary(pool, FIRST, HOUR_SECONDS);
    await count(FIRST, 'canary', new Date(Date.now() - 50 * 60_000));
    expect(await markCounted(pool)).toHaveLength(1);
  });
});

describe('the issue of a canary', () => {
  it('is evaluated by no run, neither before the canary is marked nor after it', async () => {
    await claimCanary(pool, FIRST, HOUR_SECONDS);
    await count(FIRST);
    await storeEvents(pool, [errorEvent({ groupId: 'other' })]);
    expect((await runHere(pool, [everyEvent])).issues).toBe(1);
    await markCounted(pool);
    await count(SECOND);
    expect((await runHere(pool, [everyEvent])).issues).toBe(0);
    expect(await notified()).toEqual(['other']);
  });

  it('is evaluated if only its text is that of a canary', async () => {
    await claimCanary(pool, FIRST, HOUR_SECONDS);
    await count(SECOND, 'forged');
    await runHere(pool, [everyEvent]);
    expect(await notified()).toEqual(['forged']);
  });

  it('has no rank, and is in no backtest', async () => {
    await claimCanary(pool, FIRST, HOUR_SECONDS);
    await count(FIRST);
    await markCounted(pool);
    await storeEvents(pool, [errorEvent({ groupId: 'other' })]);
    const query = { since: '2020-01-01', limit: 10, by: 'events', excludeModules: [] } as const;
    expect((await topIssues(pool, query)).map(({ issue }) => issue.groupId)).toEqual(['other']);
    const evaluated: string[] = [];
    const recording: Trigger = {
      ...everyEvent,
      evaluate: ({ groupId }) => {
        evaluated.push(groupId);
        return { notify: false };
      },
    };
    const triggers = await loadTriggers([recording], 'the test', null, () => true);
    await backtest(pool, { days: 1, sets: [triggers], progress: () => {}, signal: NEVER });
    expect(evaluated).toEqual(['other']);
  });

  it('stays known when its canaries are pruned', async () => {
    await claimCanary(pool, FIRST, HOUR_SECONDS);
    await count(FIRST);
    await markCounted(pool);
    await backdate(20 * 86_400);
    await claimCanary(pool, SECOND, HOUR_SECONDS);
    await backdate(20 * 86_400);
    await prune(pool, 90, NEVER);
    const { rows } = await pool.query('SELECT event_id FROM canaries');
    expect(rows).toEqual([{ event_id: FIRST }]);
  });
});

describe('the state of the canaries', () => {
  it('is null if none was sent, or none for long', async () => {
    expect(await canaryState(pool)).toBeNull();
    await claimCanary(pool, FIRST, HOUR_SECONDS);
    await backdate(3 * HOUR_SECONDS);
    expect(await canaryState(pool)).toBeNull();
  });

  it('names the last one that was counted, and how long the next have been waiting', async () => {
    await claimCanary(pool, FIRST, HOUR_SECONDS);
    await count(FIRST);
    await markCounted(pool);
    expect(await canaryState(pool)).toMatchObject({ counted: { emailRefused: null }, waiting: null });
    await backdate(HOUR_SECONDS);
    await claimCanary(pool, SECOND, HOUR_SECONDS);
    await markRefused(pool, SECOND, 'it answered 403');
    const state = await canaryState(pool);
    expect(state?.counted?.delaySeconds).toBeGreaterThanOrEqual(HOUR_SECONDS);
    expect(state?.waiting?.refused).toBe('it answered 403');
    expect(state?.waiting?.ageSeconds).toBeLessThan(60);
  });
});
