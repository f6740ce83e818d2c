import { describe, expect, it } from 'vitest';
import type { Issue, RankedIssue } from '../../../src/domain/issue.ts';
import { DAY, HOUR } from '../../../src/domain/time.ts';
import type { Trigger, Verdict } from '../../../src/domain/trigger.ts';
import {
  healthCheck,
  newInRelease,
  newIssueHitsUsers,
  newTopIssue,
  regression,
  spike,
  userMilestones,
} from '../../../src/index.ts';
import { anIssue } from '../../support/issues.ts';
import type { Answers } from '../../support/trigger-context.ts';
import { ANN, BOB, bucketsOf, fakeContext, NOW } from '../../support/trigger-context.ts';

const EMAILS = [ANN.email, BOB.email];
const EXTENSION_FRAME = {
  stackFrames: [{ function: 'f', module: 'moz-extension://6f1d/a.js', line: 1, column: 1 }],
};
const ago = (milliseconds: number) => new Date(NOW.getTime() - milliseconds);

async function verdictOf(trigger: Trigger, answers: Answers, issue: Partial<Issue> = {}): Promise<Verdict> {
  return await trigger.evaluate(anIssue(issue), fakeContext(answers));
}
async function notifies(trigger: Trigger, answers: Answers, issue: Partial<Issue> = {}): Promise<boolean> {
  const verdict = await verdictOf(trigger, answers, issue);
  return verdict.notify && verdict.recipients?.length !== 0;
}

describe('newTopIssue', () => {
  const ranked = (rank: number, events: number, users = 5): RankedIssue[] =>
    Array.from({ length: 60 }, (_, index) => ({
      issue: anIssue({ id: index + 1 === rank ? '1' : `other ${index}` }),
      rank: index + 1,
      events,
      users,
    }));

  it.each([
    ['at the limits', ranked(10, 201, 5), true],
    ['with too few events', ranked(10, 200, 5), false],
    ['below the rank', ranked(11, 201, 5), false],
    ['of one browser in a loop', ranked(1, 20_000, 1), true],
    ['without any user’s name', ranked(1, 201, 0), true],
  ])('decides on an issue %s', async (_, ranking, expected) => {
    expect(await notifies(newTopIssue(EMAILS), { ranking })).toBe(expected);
  });

  it('uses its options', async () => {
    const trigger = newTopIssue(EMAILS, { name: 'Top', rank: 3, moreEventsThan: 10, days: 2, users: 2 });
    expect(trigger.name).toBe('Top');
    expect(await verdictOf(trigger, { ranking: ranked(3, 11, 2) })).toMatchObject({
      because: 'it ranks 3 with 11 events over 2 days',
    });
    expect(await notifies(trigger, { ranking: ranked(4, 11, 2) })).toBe(false);
    expect(await notifies(trigger, { ranking: ranked(3, 11, 1) })).toBe(false);
  });

  it('gives extensions no rank, if only a frame is one', async () => {
    const ranking = ranked(11, 300).with(0, {
      issue: anIssue({ id: '9', ...EXTENSION_FRAME }),
      rank: 1,
      events: 300,
      users: 9,
    });
    expect(await verdictOf(newTopIssue(EMAILS), { ranking })).toMatchObject({
      notify: true,
      because: 'it ranks 10 with about 300 (± 14) events over 7 days',
    });
  });

  it('can notify of a doubled issue that another trigger notified of long ago, but never twice itself', async () => {
    const trigger = newTopIssue(EMAILS, { againAfterDays: 7 });
    /** Events of an hour in the week before, and in the last 24 hours, each of another user by default. */
    const recipients = async (
      answers: Answers,
      [before, since]: readonly [number, number],
      usersOf = (events: number) => events,
    ) => {
      const hours = Array.from({ length: 192 }, (_, index) => (index < 168 ? before : since));
      const series = bucketsOf(
        'hour',
        hours.map((events) => ({ events, users: usersOf(events) })),
      );
      const verdict = await verdictOf(trigger, { ranking: ranked(1, 300), series, ...answers });
      return verdict.notify ? verdict.recipients : [];
    };
    const weekAgo = { notified: { '1': ago(7 * DAY), '2': ago(7 * DAY + 1) } };
    expect(await recipients(weekAgo, [5, 10])).toEqual([BOB]);
    expect(await notifies(newTopIssue(EMAILS), { ranking: ranked(1, 300), ...weekAgo })).toBe(false);
    expect(await recipients(weekAgo, [5, 9])).toEqual([]);
    expect(await recipients(weekAgo, [5, 900], () => 5)).toEqual([]);
    expect(await recipients(weekAgo, [5, 10], () => 0)).toEqual([BOB]);
    const at = ago(30 * DAY);
    const byThis = { notified: { '1': at, '2': at }, alerts: { '1': { at, events: 1, users: 1 } } };
    expect(await recipients(byThis, [5, 10])).toEqual([BOB]);
    expect(await recipients({ notified: { '1': ago(HOUR) } }, [5, 9])).toEqual([BOB]);
  });
});

describe('newIssueHitsUsers', () => {
  const trigger = newIssueHitsUsers(EMAILS);
  const counts = { events: 60, users: 50 };

  it('notifies of 50 users within 24 hours', async () => {
    expect(await verdictOf(trigger, { counts }, { firstSeen: ago(12 * 60_000) })).toEqual({
      notify: true,
      because: 'it is new (first seen 12 minutes ago) and affected 50 users',
      recipients: [ANN, BOB],
    });
  });

  it('notifies of neither 49 users nor an older issue', async () => {
    const firstSeen = ago(24 * HOUR);
    expect(await notifies(trigger, { counts }, { firstSeen })).toBe(true);
    expect(await notifies(trigger, { counts: { events: 60, users: 49 } }, { firstSeen })).toBe(false);
    expect(await notifies(trigger, { counts }, { firstSeen: ago(24 * HOUR + 1) })).toBe(false);
  });

  it('leaves out extensions, and recipients who know the issue', async () => {
    const firstSeen = ago(HOUR);
    expect(await notifies(trigger, { counts }, { firstSeen, ...EXTENSION_FRAME })).toBe(false);
    expect(await verdictOf(trigger, { counts, notified: { '1': NOW } }, { firstSeen })).toMatchObject({
      recipients: [BOB],
    });
    expect(await notifies(trigger, { counts, notified: { '1': NOW, '2': NOW } }, { firstSeen })).toBe(false);
  });

  it('uses its options', async () => {
    const small = newIssueHitsUsers(EMAILS, { name: 'Small', users: 3, hours: 48 });
    expect(small.name).toBe('Small');
    const firstSeen = ago(48 * HOUR);
    expect(await notifies(small, { counts: { events: 3, users: 3 } }, { firstSeen })).toBe(true);
    expect(await notifies(small, { counts: { events: 3, users: 2 } }, { firstSeen })).toBe(false);
  });
});

describe('userMilestones', () => {
  const trigger = userMilestones(EMAILS);
  const usersOf = (users: number): Answers => ({ counts: { events: users, users } });
  const knowing = (users: number, at = ago(2 * HOUR)) => {
    const alert = { at, events: users, users };
    return { notified: { '1': at, '2': at }, alerts: { '1': alert, '2': alert } };
  };

  it('notifies of the first milestone, and not below it', async () => {
    expect(await verdictOf(trigger, usersOf(9))).toEqual({
      notify: false,
      because: '9 users are fewer than 10',
    });
    expect(await verdictOf(trigger, usersOf(10))).toMatchObject({
      notify: true,
      because: 'it reached 10 affected users: 10 over 7 days',
    });
  });

  it('notifies of each milestone once, and of the highest alone', async () => {
    expect(await verdictOf(trigger, usersOf(1_200))).toMatchObject({
      because: 'it reached 1,000 affected users: about 1,200 (± 55) over 7 days',
    });
    expect(await notifies(trigger, { ...usersOf(1_300), ...knowing(1_200) })).toBe(false);
    expect(await notifies(trigger, { ...usersOf(99), ...knowing(10) })).toBe(false);
    expect(await notifies(trigger, { ...usersOf(100), ...knowing(10) })).toBe(true);
  });

  it('never notifies of a lower milestone after a higher one', async () => {
    expect(await notifies(trigger, { ...usersOf(150), ...knowing(1_000) })).toBe(false);
  });

  it('waits for an hour after any alert', async () => {
    expect(await notifies(trigger, { ...usersOf(100), ...knowing(10, ago(HOUR - 1)) })).toBe(false);
    expect(await notifies(trigger, { ...usersOf(100), ...knowing(10, ago(HOUR)) })).toBe(true);
  });

  it('uses its milestones in any order, and leaves out extensions', async () => {
    const own = userMilestones(EMAILS, { milestones: [30, 5] });
    expect(await notifies(own, usersOf(4))).toBe(false);
    expect(await verdictOf(own, usersOf(31))).toMatchObject({
      because: 'it reached 30 affected users: 31 over 7 days',
    });
    expect(await notifies(own, usersOf(31), EXTENSION_FRAME)).toBe(false);
  });
});

describe('spike', () => {
  const trigger = spike(EMAILS);
  const firstSeen = ago(30 * DAY);
  /** A week of hours with these events, then the given hours. The last one has not begun yet at twelve. */
  const hours = (usual: number, ...last: readonly (readonly [events: number, users: number])[]): Answers => ({
    series: bucketsOf('hour', [
      ...Array.from({ length: 169 - last.length }, () => ({ events: usual, users: usual })),
      ...last.map(([events, users]) => ({ events, users })),
    ]),
  });
  const knownSince = (at: Date) => ({
    notified: { '1': at, '2': at },
    alerts: { '1': { at, events: 0, users: 0 }, '2': { at, events: 0, users: 0 } },
  });

  it.each([
    ['at the floors', hours(10, [50, 20], [0, 0]), true],
    ['below the floor of events', hours(1, [49, 49], [0, 0]), false],
    ['of one browser in a loop', hours(10, [20_000, 1], [0, 0]), false],
    ['below the floor of users', hours(10, [50, 19], [0, 0]), false],
    ['below five times the usual', hours(20, [99, 99], [0, 0]), false],
    ['at five times the usual', hours(20, [100, 99], [0, 0]), true],
  ])('decides on an hour %s', async (_, answers, expected) => {
    expect(await notifies(trigger, answers, { firstSeen })).toBe(expected);
  });

  it('counts the last 60 minutes, and shows the usual hour', async () => {
    const now = new Date(NOW.getTime() + HOUR / 2);
    const answers = { ...hours(2.5, [40, 40], [60, 60]), now };
    expect(await verdictOf(trigger, answers, { firstSeen })).toMatchObject({
      because: 'it had 80 events by 80 users within an hour, and 2.5 in a usual hour',
    });
  });

  it('has no usual hour in the first day', async () => {
    const answers = hours(1, [500, 500], [0, 0]);
    expect(await notifies(trigger, answers, { firstSeen: ago(22 * HOUR) })).toBe(false);
    expect(await notifies(trigger, answers, { firstSeen: ago(23 * HOUR) })).toBe(true);
  });

  it('notifies again only after six calm hours in a row', async () => {
    const calm = Array.from({ length: 6 }, () => [5, 5] as const);
    const burst = [90, 90] as const;
    const none = [0, 0] as const;
    const burstAfter = (...between: readonly (readonly [number, number])[]): Answers => {
      const series = hours(5, burst, ...between, burst, none);
      return { ...series, ...knownSince(ago((between.length + 2) * HOUR)) };
    };
    expect(await notifies(trigger, burstAfter(...calm), { firstSeen })).toBe(true);
    expect(await notifies(trigger, burstAfter(...calm.slice(1)), { firstSeen })).toBe(false);
    expect(
      await notifies(trigger, burstAfter(...calm.slice(3), burst, ...calm.slice(3)), { firstSeen }),
    ).toBe(false);
    const impatient = spike(EMAILS, { calmHours: 1 });
    expect(await notifies(impatient, burstAfter(...calm.slice(5)), { firstSeen })).toBe(true);
  });

  it('waits for an hour after another trigger’s alert', async () => {
    const answers = hours(10, [90, 90], [0, 0]);
    const recent = { notified: { '1': ago(HOUR - 1), '2': ago(HOUR) } };
    expect(await verdictOf(trigger, { ...answers, ...recent }, { firstSeen })).toMatchObject({
      recipients: [BOB],
    });
  });

  it('uses its options, and leaves out extensions', async () => {
    const small = spike(EMAILS, { times: 2, events: 4, users: 3 });
    expect(await notifies(small, hours(2, [4, 3], [0, 0]), { firstSeen })).toBe(true);
    expect(await notifies(small, hours(2, [3, 3], [0, 0]), { firstSeen })).toBe(false);
    expect(await notifies(small, hours(2, [4, 3], [0, 0]), { firstSeen, ...EXTENSION_FRAME })).toBe(false);
  });
});

describe('regression', () => {
  const trigger = regression(EMAILS);
  const firstSeen = ago(60 * DAY);
  const counts = { events: 10, users: 5 };
  /** Quiet days, then days with events. Today is the last. */
  const back = (quiet: number, days = 1): Answers => ({
    counts,
    series: bucketsOf('day', [
      ...Array.from({ length: 17 - quiet - days }, () => ({ events: 1, users: 1 })),
      ...Array.from({ length: quiet }, () => ({ events: 0, users: 0 })),
      ...Array.from({ length: days }, () => ({ events: 10, users: 5 })),
    ]),
  });

  it('notifies of an issue that is back after 14 days', async () => {
    const quiet = { ...back(16), counts };
    expect(await verdictOf(trigger, quiet, { firstSeen })).toEqual({
      notify: true,
      because: 'it is back after 14 days or more without an event: 10 events by 5 users since',
      recipients: [ANN, BOB],
    });
  });

  it.each([
    ['with events 14 days ago', back(13, 3), {}, false],
    ['with 14 quiet days', back(14, 3), {}, true],
    ['with few events', { ...back(16), counts: { events: 9, users: 9 } }, {}, false],
    ['with few users', { ...back(16), counts: { events: 99, users: 4 } }, {}, false],
    ['that is new', back(16), { firstSeen: ago(HOUR) }, false],
    ['of an extension', back(16), EXTENSION_FRAME, false],
  ])('decides on an issue %s', async (_, answers, issue, expected) => {
    expect(await notifies(trigger, answers, { firstSeen, ...issue })).toBe(expected);
  });

  it('notifies once for each comeback', async () => {
    const today = new Date('2026-05-06T00:00:00Z');
    const notified = { '1': today, '2': new Date(today.getTime() - 1) };
    expect(await verdictOf(trigger, { ...back(16), notified }, { firstSeen })).toMatchObject({
      recipients: [BOB],
    });
    expect(await notifies(trigger, { ...back(16), notified: { '1': NOW, '2': NOW } }, { firstSeen })).toBe(
      false,
    );
  });
});

describe('newInRelease', () => {
  const trigger = newInRelease(EMAILS);
  const release = (value: string, days: number, share = 0.5) => ({
    value,
    share,
    events: 10,
    firstSeen: ago(days * DAY),
  });
  const ranking: RankedIssue[] = [{ issue: anIssue({ id: '9' }), rank: 1, events: 900, users: 90 }];
  const known: Answers = {
    ranking,
    counts: { events: 20, users: 10 },
    releases: { '9': [release('139', 20), release('140', 10)], '1': [release('141', 1, 1)] },
  };
  const issue = { firstRelease: '141' };

  it('notifies of an issue of one of the two newest releases', async () => {
    expect(await verdictOf(trigger, known, issue)).toEqual({
      notify: true,
      because: 'it is new in release 141: 20 events by 10 users over 7 days',
      recipients: [ANN, BOB],
    });
    expect(await notifies(trigger, known, { firstRelease: '140' })).toBe(true);
    expect(await notifies(trigger, known, { firstRelease: '139' })).toBe(false);
  });

  it.each([
    ['without a release', known, { firstRelease: null }],
    ['with few events', { ...known, counts: { events: 19, users: 19 } }, issue],
    ['with few users', { ...known, counts: { events: 99, users: 9 } }, issue],
    ['of an extension', known, { ...issue, ...EXTENSION_FRAME }],
    ['that everyone knows', { ...known, notified: { '1': NOW, '2': NOW } }, issue],
    ['while no older release is known', { ...known, releases: { '9': [release('140', 9)] } }, issue],
  ])('does not notify of an issue %s', async (_, answers, about) => {
    expect(await notifies(trigger, answers, about)).toBe(false);
  });

  it('does not count a release with a tiny share, or the sum of many values', async () => {
    const releases = (extra: ReturnType<typeof release>) => ({
      '9': [release('139', 20), extra],
      '1': [release('141', 1, 1)],
    });
    const notifiesWith = (extra: ReturnType<typeof release>) =>
      notifies(trigger, { ...known, releases: releases(extra) }, issue);
    expect(await notifiesWith(release('140', 10, 0.01))).toBe(true);
    expect(await notifiesWith(release('140', 10, 0.009))).toBe(false);
    expect(await notifiesWith(release('(other)', 10))).toBe(false);
  });

  it('uses its options', async () => {
    const newest = newInRelease(EMAILS, { releases: 1, events: 2, users: 2 });
    const few = { ...known, counts: { events: 2, users: 2 } };
    expect(await notifies(newest, few, issue)).toBe(true);
    expect(await notifies(newest, few, { firstRelease: '140' })).toBe(false);
  });
});

describe('a factory', () => {
  const wrong = (options: object) => options as never;
  it.each([
    ['newTopIssue', () => newTopIssue(EMAILS, wrong({ rnak: 3 })), 'rnak'],
    ['newIssueHitsUsers', () => newIssueHitsUsers(EMAILS, wrong({ users: -1 })), 'users'],
    ['userMilestones', () => userMilestones(EMAILS, wrong({ milestones: [] })), 'milestones'],
    ['spike', () => spike(EMAILS, wrong({ times: '5' })), 'times'],
    ['regression', () => regression(EMAILS, wrong({ quietDays: Number.NaN })), 'quietDays'],
    ['newInRelease', () => newInRelease(EMAILS, wrong({ name: 7 })), 'name'],
  ])('%s refuses a wrong option and names it', (factory, make, option) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(new RegExp(`^${factory}\\b.*\\b${option}\\b`));
  });

  it.each([
    ['newTopIssue: rank', () => newTopIssue(EMAILS, { rank: 9_961 }), '1 to 9960, not 9961'],
    ['newIssueHitsUsers: hours', () => newIssueHitsUsers(EMAILS, { hours: 0 }), '1 to 8760, not 0'],
    ['spike: calmHours', () => spike(EMAILS, { calmHours: 1.5 }), '1 to 168, not 1.5'],
    ['regression: quietDays', () => regression(EMAILS, { quietDays: 365 }), '1 to 364, not 365'],
    ['newInRelease: releases', () => newInRelease(EMAILS, { releases: 21 }), '1 to 20, not 21'],
  ])('%s must be in its range', (option, make, range) => {
    expect(make).toThrow(new RangeError(`${option} must be a whole number from ${range}`));
  });

  it('takes 0 where it means any number', () => {
    expect(() =>
      newTopIssue(EMAILS, { days: 0, moreEventsThan: 0, users: 0, againAfterDays: 0 }),
    ).not.toThrow();
    expect(() => spike(EMAILS, { events: 0, users: 0 })).not.toThrow();
  });

  it('asks only questions that a context answers, at the ends of the ranges', async () => {
    const answers = { counts: { events: 99, users: 99 }, ranking: [] };
    for (const trigger of [
      newTopIssue(EMAILS, { days: 3_650, rank: 9_960 }),
      newIssueHitsUsers(EMAILS, { hours: 8_760 }),
      regression(EMAILS, { quietDays: 364 }),
    ]) {
      await expect(verdictOf(trigger, answers, { firstSeen: ago(4_000 * DAY) })).resolves.toHaveProperty(
        'notify',
      );
    }
  });

  it('says so if it has no recipients', async () => {
    const trigger = newIssueHitsUsers([], { users: 1 });
    const verdict = await trigger.evaluate(anIssue({ firstSeen: ago(HOUR) }), {
      ...fakeContext({ counts: { events: 9, users: 9 } }),
      recipients: [],
      neverNotified: async () => [],
    });
    expect(verdict).toEqual({ notify: false, because: 'the trigger has no recipients' });
  });

  it('has a default where an option is undefined', () => {
    expect(spike(EMAILS, wrong({ name: undefined })).name).toBe('Spike');
  });

  it('passes on its addresses', () => {
    const factories = [
      healthCheck,
      newTopIssue,
      newIssueHitsUsers,
      userMilestones,
      spike,
      regression,
      newInRelease,
    ];
    for (const factory of factories) expect(factory(EMAILS).emails).toEqual(EMAILS);
  });
});
