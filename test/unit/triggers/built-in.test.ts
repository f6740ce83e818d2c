import { describe, expect, it } from 'vitest';
import type { Issue, RankedIssue } from '../../../src/domain/issue.ts';
import type { Recipient, Trigger, TriggerContext, Verdict } from '../../../src/domain/trigger.ts';
import { builtInTriggers } from '../../../src/triggers/index.ts';
import { anIssue } from '../../support/issues.ts';
import { ANN, BOB, fakeContext, NOW } from '../../support/trigger-context.ts';

interface Asked {
  readonly top?: Parameters<TriggerContext['top']>[0];
}

/** @param never the recipients that nobody notified */
function contextOf(ranking: readonly RankedIssue[], never: readonly Recipient[], asked: Asked[] = []) {
  const known = [ANN, BOB].filter((recipient) => !never.includes(recipient));
  const context = fakeContext({ ranking, notified: Object.fromEntries(known.map(({ id }) => [id, NOW])) });
  return {
    ...context,
    top: (query: Parameters<TriggerContext['top']>[0]) => {
      asked.push({ top: query });
      return context.top(query);
    },
  };
}

function builtIn(name: string): Trigger {
  const trigger = builtInTriggers(['ann@example.com', 'bob@example.com']).find((one) => one.name === name);
  if (trigger === undefined) throw new Error(`no built-in trigger is named ${name}`);
  return trigger;
}

async function evaluate(name: string, issue: Issue, context = contextOf([], [])): Promise<Verdict> {
  return await builtIn(name).evaluate(issue, context);
}

describe('Healthcheck', () => {
  it.each(['bec-alerts-healthcheck', 'Error: bec-alerts-healthcheck of 12:00'])(
    'notifies all recipients of every event whose text holds its mark: %s',
    async (message) => {
      expect(await evaluate('Healthcheck', anIssue({ message }))).toEqual({
        notify: true,
        because: 'its text contains bec-alerts-healthcheck',
      });
    },
  );

  it('notifies of nothing else', async () => {
    expect(await evaluate('Healthcheck', anIssue({ message: 'bec-alerts is healthy' }))).toMatchObject({
      notify: false,
    });
  });
});

describe('New top crasher', () => {
  const issue = anIssue({ id: '42' });
  const ranked = (rank: number, events: number): RankedIssue[] => {
    const others = Array.from({ length: 20 }, (_, index) => ({
      issue: anIssue({ id: String(1_000 + index) }),
      rank: index + 1,
      events,
      users: 5,
    }));
    return others.with(rank - 1, { issue, rank, events, users: 5 });
  };

  it.each([
    [1, 1_234, true],
    [10, 201, true],
    [10, 200, false],
    [11, 201, false],
    [11, 1_000_000, false],
  ])('at rank %i with %i events notifies: %s', async (rank, events, notify) => {
    const verdict = await evaluate('New top crasher', issue, contextOf(ranked(rank, events), [BOB]));
    expect(verdict.notify).toBe(notify);
  });

  it('notifies recipients that were never notified, with the reason', async () => {
    const verdict = await evaluate('New top crasher', issue, contextOf(ranked(4, 12_345), [BOB]));
    expect(verdict).toEqual({
      notify: true,
      because: 'it ranks 4 with about 12,345 (± 570) events over 7 days',
      recipients: [BOB],
    });
  });

  it('notifies nobody twice', async () => {
    const verdict = await evaluate('New top crasher', issue, contextOf(ranked(1, 1_000), []));
    expect(verdict).toEqual({ notify: false, because: 'all recipients have been notified' });
  });

  it('ranks by events over seven days, without extensions', async () => {
    const asked: Asked[] = [];
    await evaluate('New top crasher', issue, contextOf(ranked(1, 1_000), [ANN], asked));
    const excludeModules = ['moz-extension', 'chrome-extension', 'safari-web-extension', 'safari-extension'];
    expect(asked).toEqual([{ top: { days: 7, limit: 10, excludeModules } }]);
  });
});

describe('the disabled examples', () => {
  it('are disabled', () => {
    const enabled = builtInTriggers([]).filter((trigger) => trigger.enabled !== false);
    expect(enabled.map(({ name }) => name)).toEqual(['Healthcheck', 'New top crasher']);
  });

  it('notify of every event, and of each issue once', async () => {
    expect(await evaluate('Every event', anIssue())).toMatchObject({ notify: true });
    expect(await evaluate('Every new issue', anIssue(), contextOf([], [ANN]))).toMatchObject({
      notify: true,
      recipients: [ANN],
    });
    expect(await evaluate('Every new issue', anIssue(), contextOf([], []))).toMatchObject({ notify: false });
  });
});
