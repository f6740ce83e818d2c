import type pg from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../../../../src/db/events.ts';
import type { Issue, TagCount } from '../../../../src/domain/issue.ts';
import { NO_TAGS } from '../../../../src/domain/tags.ts';
import { DAY, firstHour, HOUR } from '../../../../src/domain/time.ts';
import type { Trigger, TriggerContext } from '../../../../src/domain/trigger.ts';
import { awayFromMidnight } from '../../../support/alerts.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { runHere } from '../../../support/run.ts';

const { pool } = await createDatabase();
beforeEach(async () => {
  await awayFromMidnight();
  await emptyTables(pool);
});

const ANN = 'ann@example.com';
const BOB = 'bob@example.com';

/** A trigger that asks and never notifies. */
function asking(name: string, ask: (issue: Issue, context: TriggerContext) => Promise<unknown>): Trigger {
  return {
    name,
    emails: [ANN, BOB],
    async evaluate(issue, context) {
      await ask(issue, context);
      return { notify: false };
    },
  };
}

/** Asks everything there is to ask, of each issue. */
const curious = asking('Curious', async (issue, context) => {
  await context.counts(issue, { days: 0 });
  await context.counts(issue, { days: 7 });
  await context.counts(issue, { hours: 1 });
  await context.series(issue, { days: 7 });
  await context.series(issue, { hours: 23 });
  await context.tags(issue, 'release', { days: 7 });
  await context.tags(issue, 'os', { days: 7 });
  await context.top({ days: 7, limit: 5 });
  await context.top({ days: 7, limit: 5, by: 'users', excludeModules: ['moz-extension'] });
  for (const recipient of context.recipients) await context.lastNotified(recipient, issue);
  await context.neverNotified(issue);
  await context.neverNotified(issue, 'thisTrigger');
});

async function storeIssues(count: number): Promise<void> {
  const groups = Array.from({ length: count }, (_, index) => `g${index}`);
  await storeEvents(
    pool,
    groups.map((groupId) => errorEvent({ groupId })),
  );
}

/** Counts the statements that really leave for Postgres during the work. */
async function statements(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const undo: (() => void)[] = [];
  const counted = new Set<pg.PoolClient>();
  const onAcquire = (client: pg.PoolClient) => {
    if (counted.has(client)) return;
    counted.add(client);
    const query = client.query;
    Object.assign(client, {
      query: (...parameters: unknown[]) => {
        count += 1;
        return Reflect.apply(query, client, parameters);
      },
    });
    undo.push(() => Object.assign(client, { query }));
  };
  pool.on('acquire', onAcquire);
  try {
    await work();
  } finally {
    pool.off('acquire', onAcquire);
    for (const one of undo) one();
  }
  return count;
}

describe('a trigger’s question', () => {
  it('takes as many statements for 400 issues as for 10', async () => {
    const counts: number[] = [];
    for (const issues of [10, 400]) {
      await emptyTables(pool);
      await storeIssues(issues);
      counts.push(await statements(() => runHere(pool, [curious, { ...curious, name: 'Curious too' }])));
    }
    expect(counts[1]).toBe(counts[0]);
    expect(counts[0]).toBeLessThan(90);
  });

  it.each([
    ['emails of their own', [1, 40]],
    // The first fifty have an email of their own.
    ['shared emails too', [60, 160]],
  ])('takes as many statements for few alerts as for many, with %s', async (_, sizes) => {
    const notifying: Trigger = {
      name: 'Notifies',
      emails: [ANN],
      evaluate: () => ({ notify: true, because: 'always' }),
    };
    const counts: number[] = [];
    for (const issues of sizes) {
      await emptyTables(pool);
      await storeIssues(issues);
      counts.push(await statements(() => runHere(pool, [notifying])));
    }
    expect(counts[1]).toBe(counts[0]);
  });

  it('is answered for today and for windows of days, as unions over them', async () => {
    const now = Date.now();
    const at = (days: number) => new Date(now - days * 86_400_000);
    await storeEvents(pool, [
      errorEvent({ groupId: 'a', user: 'id:1', receivedAt: at(0) }),
      errorEvent({ groupId: 'a', user: 'id:1', receivedAt: at(7) }),
      errorEvent({ groupId: 'a', user: 'id:2', receivedAt: at(8) }),
      errorEvent({ groupId: 'b', user: null, receivedAt: at(8) }),
    ]);
    const answers: Record<string, unknown> = {};
    const trigger = asking('Counts', async (issue, context) => {
      for (const days of [0, 7, 8]) {
        answers[`${issue.groupId} ${days}`] = await context.counts(issue, { days });
      }
    });
    await runHere(pool, [trigger], { sinceMilliseconds: 9 * 86_400_000 });
    expect(answers).toEqual({
      'a 0': { events: 1, users: 1 },
      'a 7': { events: 2, users: 1 },
      'a 8': { events: 3, users: 2 },
      'b 0': { events: 0, users: 0 },
      'b 7': { events: 0, users: 0 },
      'b 8': { events: 1, users: 0 },
    });
  });

  it('is answered for windows of hours, and hour by hour', async () => {
    const now = new Date();
    const at = (hours: number) => firstHour(now, hours);
    await storeEvents(pool, [
      errorEvent({ groupId: 'a', user: 'id:1', receivedAt: at(0) }),
      errorEvent({ groupId: 'a', user: 'id:1', receivedAt: at(1) }),
      errorEvent({ groupId: 'a', user: 'id:2', receivedAt: at(3) }),
      errorEvent({ groupId: 'b', receivedAt: at(4) }),
    ]);
    const answers: Record<string, unknown> = {};
    const trigger = asking('Hours', async (issue, context) => {
      for (const hours of [0, 1, 3])
        answers[`${issue.groupId} ${hours}`] = await context.counts(issue, { hours });
      answers[`${issue.groupId} series`] = await context.series(issue, { hours: 3 });
    });
    await runHere(pool, [trigger]);
    const none = { events: 0, users: 0 };
    const one = { events: 1, users: 1 };
    const series = (...counts: object[]) => counts.map((count, index) => ({ at: at(3 - index), ...count }));
    expect(answers).toEqual({
      'a 0': one,
      'a 1': { events: 2, users: 1 },
      'a 3': { events: 3, users: 2 },
      'a series': series(one, none, one, one),
      'b 0': none,
      'b 1': none,
      'b 3': none,
      'b series': series(none, none, none, none),
    });
  });

  it('counts an event of a clock that is ahead as current', async () => {
    const soon = (milliseconds: number) => new Date(Date.now() + milliseconds);
    await storeEvents(pool, [
      errorEvent({ user: 'id:1', receivedAt: soon(0) }),
      errorEvent({ user: 'id:1', receivedAt: soon(HOUR) }),
      errorEvent({ user: 'id:2', receivedAt: soon(DAY) }),
    ]);
    let answers: unknown[] = [];
    const trigger = asking('Ahead', async (issue, context) => {
      answers = [
        (await context.series(issue, { hours: 1 })).map(({ events, users }) => [events, users]),
        (await context.series(issue, { days: 1 })).map(({ events, users }) => [events, users]),
        await context.counts(issue, { hours: 0 }),
      ];
    });
    await runHere(pool, [trigger]);
    const current = [3, 2];
    expect(answers).toEqual([[[0, 0], current], [[0, 0], current], { events: 3, users: 2 }]);
  });

  it('gives each trigger dates of its own', async () => {
    await storeEvents(pool, [errorEvent({ receivedAt: new Date(), tags: { ...NO_TAGS, os: 'Linux' } })]);
    const seen: number[][] = [];
    const change = asking('Changes', async (issue, context) => {
      const [bucket] = await context.series(issue, { hours: 0 });
      const [value] = await context.tags(issue, 'os', { days: 0 });
      seen.push([bucket?.at.getTime() ?? 0, value?.firstSeen.getTime() ?? 0]);
      bucket?.at.setTime(0);
      value?.firstSeen.setTime(0);
    });
    await runHere(pool, [change, { ...change, name: 'Changes too' }]);
    expect(seen[1]).toEqual(seen[0]);
    expect(Math.min(...seen.flat())).toBeGreaterThan(0);
  });

  it('is answered day by day, today last', async () => {
    const midnight = Math.floor(Date.now() / DAY) * DAY;
    const at = (days: number) => new Date(midnight - days * DAY);
    await storeEvents(pool, [
      errorEvent({ receivedAt: at(0) }),
      errorEvent({ receivedAt: at(2) }),
      errorEvent({ receivedAt: at(2), user: null }),
      errorEvent({ receivedAt: at(3) }),
    ]);
    let answer: unknown;
    const trigger = asking('Days', async (issue, context) => {
      answer = await context.series(issue, { days: 2 });
    });
    await runHere(pool, [trigger]);
    expect(answer).toEqual([
      { at: at(2), events: 2, users: 1 },
      { at: at(1), events: 0, users: 0 },
      { at: at(0), events: 1, users: 1 },
    ]);
  });

  it('is answered by tags: shares of all events, weighted by day, with the first time of each', async () => {
    const midnight = Math.floor(Date.now() / DAY) * DAY;
    const tagged = (release: string | null, daysAgo: number, minute: number) =>
      errorEvent({
        groupId: 'a',
        receivedAt: new Date(midnight - daysAgo * DAY + minute * 60_000),
        tags: { ...NO_TAGS, release, os: 'Linux' },
      });
    await storeEvents(pool, [
      tagged('139', 8, 0),
      tagged('140', 1, 5),
      tagged('140', 1, 3),
      tagged(null, 1, 4),
      tagged('141', 0, 0),
      errorEvent({ groupId: 'b', tags: { ...NO_TAGS } }),
    ]);
    const answers: Record<string, unknown> = {};
    const trigger = asking('Tags', async (issue, context) => {
      for (const tag of ['release', 'os', 'browser'] as const) {
        answers[`${issue.groupId} ${tag}`] = await context.tags(issue, tag, { days: 7 });
      }
    });
    await runHere(pool, [trigger]);
    const yesterday = midnight - DAY;
    expect(answers).toEqual({
      'a release': [
        { value: '140', events: 2, share: 0.5, firstSeen: new Date(yesterday + 180_000) },
        { value: '141', events: 1, share: 0.25, firstSeen: new Date(midnight) },
      ],
      'a os': [{ value: 'Linux', events: 4, share: 1, firstSeen: new Date(yesterday + 180_000) }],
      'a browser': [],
      'b release': [],
      'b os': [],
      'b browser': [],
    });
  });

  it('is answered by at most 20 values of a tag, and one for the others', async () => {
    await storeEvents(
      pool,
      Array.from({ length: 60 }, (_, index) =>
        errorEvent({
          receivedAt: new Date(),
          tags: { ...NO_TAGS, browser: index < 20 ? 'Firefox 141' : `Other ${index}` },
        }),
      ),
    );
    let answer: readonly TagCount[] = [];
    const trigger = asking('Tags', async (issue, context) => {
      answer = await context.tags(issue, 'browser', { days: 0 });
    });
    await runHere(pool, [trigger]);
    expect(answer).toHaveLength(21);
    expect(answer[0]).toMatchObject({ value: 'Firefox 141', events: 20 });
    expect(answer[20]).toMatchObject({ value: '(other)', events: 21 });
    expect(answer.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
  });

  it('knows the recipients that an earlier trigger notified in the same run, and only those', async () => {
    await storeIssues(2);
    const notifiesAnn: Trigger = {
      name: 'Notifies Ann',
      emails: [ANN],
      evaluate: ({ groupId }) => ({ notify: groupId === 'g0', because: 'it is the first' }),
    };
    const answers: Record<string, unknown> = {};
    const runAt: number[] = [];
    const asks = asking('Asks', async (issue, context) => {
      const [ann, bob] = context.recipients;
      if (ann === undefined || bob === undefined) throw new Error('two recipients');
      runAt.push(context.now.getTime());
      answers[issue.groupId] = {
        ann: (await context.lastNotified(ann, issue))?.getTime() ?? null,
        bob: await context.lastNotified(bob, issue),
        never: (await context.neverNotified(issue)).map(({ email }) => email),
      };
    });
    await runHere(pool, [notifiesAnn, asks]);
    expect(answers).toEqual({
      g0: { ann: runAt[0], bob: null, never: [BOB] },
      g1: { ann: null, bob: null, never: [ANN, BOB] },
    });
  });

  it('takes two spellings of an address for one recipient, also one that is stored already', async () => {
    await storeIssues(1);
    await pool.query(`INSERT INTO recipients (email) VALUES ('Bob@Example.com')`);
    const never: Record<string, unknown> = {};
    const spelled = (name: string, emails: string[]): Trigger => ({
      name,
      emails,
      async evaluate(issue, context) {
        never[name] = (await context.neverNotified(issue)).map(({ email }) => email);
        return { notify: true, because: 'any', recipients: await context.neverNotified(issue) };
      },
    });
    await runHere(pool, [
      spelled('First', ['ann@example.com']),
      spelled('Second', ['Ann@Example.com', 'bob@example.com']),
      spelled('Third', ['ANN@example.com', 'BOB@example.com']),
    ]);
    expect(never).toEqual({ First: ['ann@example.com'], Second: ['Bob@Example.com'], Third: [] });
    const { rows } = await pool.query('SELECT email FROM recipients ORDER BY id');
    expect(rows.map(({ email }) => email)).toEqual(['Bob@Example.com', 'ann@example.com']);
  });

  it('knows the recipients that this trigger notified, whatever others did, for longer than alerts are kept', async () => {
    const never: Record<string, { any: string[]; this: string[] }> = {};
    /** Notes the recipients that were never notified, and notifies Ann of the first issue. */
    const notifiesAnn = (name: string): Trigger => ({
      name,
      emails: [ANN, BOB],
      async evaluate(issue, context) {
        const emails = (recipients: readonly { email: string }[]) => recipients.map(({ email }) => email);
        never[`${name} ${issue.groupId}`] = {
          any: emails(await context.neverNotified(issue)),
          this: emails(await context.neverNotified(issue, 'thisTrigger')),
        };
        const recipients = context.recipients.slice(0, 1);
        return { notify: issue.groupId === 'g0', because: 'it is the first', recipients };
      },
    });
    const both = [ANN, BOB];
    await storeIssues(2);
    await runHere(pool, [notifiesAnn('One'), notifiesAnn('Two')]);
    expect(never).toEqual({
      'One g0': { any: both, this: both },
      'One g1': { any: both, this: both },
      'Two g0': { any: [BOB], this: both },
      'Two g1': { any: both, this: both },
    });

    // Even if the email was refused permanently, or is so old that the alert is pruned: it was decided.
    await pool.query("UPDATE alerts SET status = 'failed' WHERE trigger = 'One'");
    await pool.query("DELETE FROM alerts WHERE trigger = 'Two'");
    await storeIssues(1);
    await runHere(pool, [notifiesAnn('One'), notifiesAnn('Two'), notifiesAnn('Two, renamed')]);
    expect(never).toMatchObject({
      'One g0': { any: [BOB], this: [BOB] },
      'Two g0': { any: [BOB], this: [BOB] },
      'Two, renamed g0': { any: [BOB], this: both },
    });
    const { rows } = await pool.query('SELECT triggers FROM recipient_issues');
    expect(rows).toEqual([{ triggers: ['One', 'Two', 'Two, renamed'] }]);
  });

  it('is answered from the run’s snapshot, whatever is stored meanwhile', async () => {
    await storeEvents(pool, [errorEvent({ groupId: 'a' })]);
    const answers: unknown[] = [];
    const trigger = asking('Asks', async (issue, context) => {
      await storeEvents(pool, [errorEvent({ groupId: 'a' }), errorEvent({ groupId: 'new' })]);
      answers.push(await context.counts(issue, { days: 7 }));
      answers.push((await context.top({ days: 7, limit: 10 })).map(({ issue: { groupId } }) => groupId));
    });
    await runHere(pool, [trigger]);
    expect(answers).toEqual([{ events: 1, users: 1 }, ['a']]);
  });

  it('is refused where it makes no sense, and fails only that evaluation', async () => {
    await storeIssues(1);
    const outcome = await runHere(pool, [
      asking('A', (issue, context) => context.counts(issue, { days: -1 })),
      asking('B', (issue, context) => context.counts(issue, { days: 1.5 })),
      asking('C', (_, context) => context.top({ days: 7, limit: 0 })),
      asking('D', (issue, context) => context.neverNotified(issue, 'thistrigger' as 'thisTrigger')),
      asking('E', (issue, context) => context.counts(issue, { days: 7 })),
    ]);
    expect(outcome.failures).toBe(4);
  });

  it('is refused after the evaluation has ended: nothing runs in another page’s turn', async () => {
    await storeIssues(501);
    const late: Promise<string>[] = [];
    let first: { issue: Issue; context: TriggerContext } | undefined;
    const trigger: Trigger = {
      name: 'Late',
      emails: [ANN],
      evaluate(issue, context) {
        first ??= { issue, context };
        // The page after the first: its evaluation of the first page's issue is over.
        if (first.context !== context) {
          const answer = first.context.counts(first.issue, { days: 3 });
          late.push(answer.then(() => 'answered', String));
        }
        return { notify: false };
      },
    };
    await runHere(pool, [trigger]);
    expect(late).toHaveLength(1);
    expect(await late[0]).toContain('after its evaluation had ended');
  });
});

describe('an evaluation that throws', () => {
  it('is retried in ten runs at most, and again after the next event', async () => {
    let evaluations = 0;
    const trigger = asking('Throws', async () => {
      evaluations += 1;
      throw new Error('boom');
    });
    await storeIssues(1);
    for (let run = 0; run < 14; run += 1) await runHere(pool, [trigger]);
    expect(evaluations).toBe(10);
    await storeIssues(1);
    for (let run = 0; run < 3; run += 1) await runHere(pool, [trigger]);
    expect(evaluations).toBe(13);
  });

  it('reports each distinct error once, with the number of issues that met it', async () => {
    await storeIssues(1_000);
    const reported: string[] = [];
    const throws = async (issue: Issue) => {
      if (Number(issue.id) % 2 === 0) throw new Error('boom');
      throw new Error(`no rank for issue ${issue.id}`);
    };
    await runHere(pool, [asking('Throws', throws)], {
      reporter: {
        report: (error) => reported.push(error.message),
        warn: () => undefined,
        close: async () => undefined,
      },
    });
    expect(reported.sort()).toEqual([
      'trigger "Throws" failed on 500 issues, first on issue 1: no rank for issue 1',
      'trigger "Throws" failed on 500 issues, first on issue 2: boom',
    ]);
    const { rows } = await pool.query('SELECT count(*)::int AS failed FROM failed_evaluations');
    expect(rows).toEqual([{ failed: 1_000 }]);
  });
});
