import { readdirSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Trigger, TriggerContext, Verdict } from '../../../../../src/domain/trigger.ts';
import { builtInTriggers } from '../../../../../src/triggers/index.ts';
import {
  MADE_UP_ISSUES,
  madeUpContext,
  SITUATIONS,
} from '../../../../../src/watcher/triggers/trial/made-up.ts';
import { tryOut } from '../../../../../src/watcher/triggers/trial/try-out.ts';

const HERE = fileURLToPath(import.meta.url);
const EXAMPLES = fileURLToPath(new URL('../../../../../docs/examples/', import.meta.url));
const emails = ['ann@example.com', 'bob@example.com'];

/** As a trigger file in JavaScript may have it: nothing checks its types. */
// biome-ignore lint/suspicious/noExplicitAny: the test needs wrong types
type Untyped = (issue: any, context: any) => unknown;

const mistakes = (evaluate: Untyped, patience?: number) =>
  tryOut(
    { emails, evaluate: evaluate as Trigger['evaluate'] },
    { file: HERE, evaluate: 'x.ts:1:1' },
    patience,
  );

async function examples(among: (file: string) => boolean = () => true): Promise<Trigger[]> {
  const files = readdirSync(EXAMPLES).filter(among);
  const modules = files.map(
    async (file) => (await import(pathToFileURL(`${EXAMPLES}${file}`).href)) as { default: Trigger[] },
  );
  return (await Promise.all(modules)).flatMap((module) => module.default);
}

describe('a trigger that returns verdicts', () => {
  it('has no mistake: all built-in ones, and all of the documents', async () => {
    const all = [...builtInTriggers(emails), ...builtInTriggers([]), ...(await examples())];
    expect(all.length).toBeGreaterThan(12);
    for (const trigger of all) expect(await tryOut(trigger, { file: HERE, evaluate: null })).toEqual([]);
  });

  it('is led into both of its verdicts, for one recipient and for all', async () => {
    const [, newTopCrasher] = builtInTriggers(emails);
    const seenOfAll = new Set<string>();
    // No made-up issue is a health check, or belongs to the newest of three releases.
    const written = await examples((file) => file !== 'recommended.ts');
    for (const trigger of [newTopCrasher, ...written]) {
      const seen = new Set<string>();
      for (const { issue } of MADE_UP_ISSUES) {
        for (const situation of SITUATIONS) {
          const context = madeUpContext(issue, situation, emails);
          const verdict = (await trigger?.evaluate(issue, context)) as Verdict;
          seen.add(verdict.notify ? `notify ${verdict.recipients?.length}` : 'decline');
        }
      }
      expect(seen, trigger?.name).toContain('decline');
      expect(seen, trigger?.name).toContain('notify 2');
      for (const verdict of seen) seenOfAll.add(verdict);
    }
    expect(seenOfAll).toContain('notify 1');
  });

  it('may look whether a newer version answers more', async () => {
    expect(
      await mistakes((_, context) => ({ notify: context.forecast !== undefined, because: 'x' })),
    ).toEqual([]);
  });

  it('may spread and clone its arguments', async () => {
    expect(
      await mistakes((issue) => ({
        notify: structuredClone({ ...issue }).id === '1',
        because: issue.message,
      })),
    ).toEqual([]);
  });
});

describe('a trigger that asks for a missing property', () => {
  it('is named with the line, all that context has, and the word that is probably meant', async () => {
    const [mistake, ...more] = await mistakes(async (issue, context) => {
      const { events } = await context.count(issue, { days: 1 });
      return { notify: events > 1, because: 'x' };
    });
    expect(more).toEqual([]);
    expect(mistake).toMatch(
      /^evaluate failed on every made-up issue: context\.count is not a function; context has now, recipients, counts, series, tags, top, lastNotified, neverNotified, lastAlert; did you mean counts\? \(.*try-out\.test\.ts:\d+:\d+\)$/,
    );
    expect(mistake).toContain(`(${HERE}:`);
  });

  it.each<[Untyped, RegExp]>([
    [(issue) => issue.mesage.length, /; issue has id, groupId, .*; did you mean message\? \(/],
    [
      (_, { neverNotifed }) => neverNotifed(),
      /neverNotifed is not a function; .*did you mean neverNotified\?/,
    ],
    [(issue, context) => context.counts(issue, 7), /the window must have either days or hours, as in/],
    [
      (issue, context) => context.counts(issue, { days: 1, hours: 1 }),
      /the window must have either days or hours/,
    ],
    [
      (issue, context) => context.counts(issue, { hours: 192 }),
      /hours must be a whole number from 0 to 191, not 192/,
    ],
    [
      (issue, context) => context.series(issue, { days: 367 }),
      /days must be a whole number from 0 to 366, not 367/,
    ],
    [
      (issue, context) => context.tags(issue, 'user', { days: 7 }),
      /tag must be one of release, environment, browser, os, not user/,
    ],
    [
      (issue, context) => context.tags(issue, 'os', { hours: 7 }),
      /days must be a whole number from 0 to 3650, not undefined/,
    ],
    [(issue, context) => context.counts(issue, { days: -1 }), /days must be a whole number .* not -1 \(/],
    [(_, context) => context.top({ days: 7 }), /limit must be a whole number from 1 to 10000, not undefined/],
    [
      (_, context) => context.top({ days: 7, limit: 3, by: 'usres' }),
      /by must be 'events' or 'users', not usres/,
    ],
    [
      (_, context) => context.top({ days: 7, limit: 3, excludeModules: 'moz-extension' }),
      /excludeModules must be an array of texts/,
    ],
    [(issue, context) => context.neverNotified(issue, 'me'), /'anyTrigger' or 'thisTrigger', not by me/],
    [(_, context) => context.recipients.sort(), /Cannot assign to read only property|not extensible/],
  ])('%s', async (evaluate, expected) => {
    const asks: Untyped = async (issue, context) => {
      await evaluate(issue, context);
      return { notify: false };
    };
    expect((await mistakes(asks)).join('\n')).toMatch(expected);
  });
});

describe('a trigger that fails', () => {
  it('is named where it does so on an issue without a release', async () => {
    expect(await mistakes((issue) => ({ notify: issue.firstRelease.startsWith('1'), because: 'x' }))).toEqual(
      [expect.stringMatching(/^evaluate failed on a made-up issue without module and stack: /)],
    );
  });

  it('is named by the issues on which it does', async () => {
    expect(await mistakes((issue) => ({ notify: issue.stackFrames[0].line === 1, because: 'x' }))).toEqual([
      expect.stringMatching(/^evaluate failed on a made-up issue without module and stack: Cannot read prop/),
    ]);
    const withoutEvents: Untyped = async (issue, context) => {
      const { events } = await context.counts(issue, { days: 0 });
      if (events === 0) throw new Error('no event');
      return { notify: false };
    };
    expect(await mistakes(withoutEvents)).toEqual([
      expect.stringMatching(
        /^evaluate failed on a made-up issue with no event and no notification: no event \(/,
      ),
    ]);
    const oneOfThem: Untyped = async (issue, context) => {
      if (issue.module === '' && (await context.neverNotified(issue)).length === 0) throw new Error('boom');
      return { notify: false };
    };
    expect((await mistakes(oneOfThem))[0]).toContain(
      'on a made-up issue without module and stack and with many events and a notification of every recipient',
    );
  });

  it('has each of its mistakes named, five at most', async () => {
    const [first, second, ...more] = await mistakes((issue) => {
      if (issue.module === '') throw new Error('one');
      throw new RangeError('two');
    });
    expect([first, second]).toEqual([expect.stringContaining('two'), expect.stringContaining('one')]);
    expect(more).toEqual([]);
    let count = 0;
    const many = await mistakes(() => {
      count += 1;
      throw new Error(`boom ${count}`);
    });
    expect(many).toHaveLength(6);
    expect(many.at(-1)).toBe('evaluate failed in 15 other ways too');
  });

  it('has its own place where the error has no place', async () => {
    const thrown: Untyped = () => {
      throw 'text';
    };
    expect(await mistakes(thrown)).toEqual(['evaluate failed on every made-up issue: text (x.ts:1:1)']);
  });
});

describe('a trigger whose answer is not a verdict', () => {
  it.each<[unknown, string]>([
    [true, 'it returned true'],
    [undefined, 'it returned undefined'],
    [{ notify: 'yes', because: 'x' }, 'notify must be true or false, and is text'],
    [{ notify: true }, 'because is missing'],
    [{ notify: true, because: '' }, 'because must be text, and is empty'],
    [{ notify: false, because: 3 }, 'because must be text, and is 3'],
    [
      { notify: true, because: 'x', recipients: 'ann@example.com' },
      'recipients must be an array, and is text',
    ],
    [
      { notify: true, because: 'x', recipients: ['ann@example.com'] },
      'recipients must be some of context.recipients',
    ],
    [
      { notify: true, because: 'x', recipients: [{ id: '9', email: 'x' }] },
      'recipients must be some of context',
    ],
  ])('%j', async (answer, expected) => {
    const [mistake, ...more] = await mistakes(async () => answer);
    expect(more).toEqual([]);
    expect(mistake).toContain("evaluate must return { notify: false } or { notify: true, because: 'text'");
    expect(mistake).toContain(`; ${expected}`);
    expect(mistake).toMatch(/\(.+:\d+\)$/);
  });

  it('is waited for, but not for ever', async () => {
    const never: Untyped = (issue) =>
      issue.module === '' ? new Promise(() => undefined) : { notify: false };
    expect(await mistakes(never, 50)).toEqual([
      'evaluate failed on a made-up issue without module and stack: it did not return within 0.05 s; ' +
        'it may wait only for the answers of context (x.ts:1:1)',
    ]);
  });
});

it('the made-up context answers all that a context can be asked', () => {
  const [made] = MADE_UP_ISSUES;
  const [situation] = SITUATIONS;
  if (made === undefined || situation === undefined) throw new Error('nothing is made up');
  const context: TriggerContext = madeUpContext(made.issue, situation, emails);
  expect(Object.keys(context)).toEqual([
    'now',
    'recipients',
    'counts',
    'series',
    'tags',
    'top',
    'lastNotified',
    'neverNotified',
    'lastAlert',
  ]);
});
