import { describe, expectTypeOf, it } from 'vitest';
import type {
  AlertView,
  BucketCounts,
  Counts,
  DayCounts,
  Issue,
  LastAlert,
  NewInReleaseOptions,
  NewIssueHitsUsersOptions,
  NewTopIssueOptions,
  Novelty,
  RankedIssue,
  Recipient,
  RegressionOptions,
  SpikeOptions,
  StackFrame,
  Tag,
  TagCount,
  Trigger,
  TriggerContext,
  UserMilestonesOptions,
  Verdict,
} from '../../src/index.ts';
import {
  defineTrigger,
  estimate,
  healthCheck,
  newInRelease,
  newIssueHitsUsers,
  newTopIssue,
  regression,
  spike,
  userMilestones,
} from '../../src/index.ts';

const evaluate = (): Verdict => ({ notify: false });

describe('a trigger', () => {
  it('needs a name, emails and evaluate, and no more', () => {
    expectTypeOf({ name: 'a', emails: ['a@example.com'], evaluate }).toExtend<Trigger>();
    expectTypeOf({ name: 'a', emails: [] as string[] }).not.toExtend<Trigger>();
    expectTypeOf({ emails: [] as string[], evaluate }).not.toExtend<Trigger>();
    expectTypeOf({ name: 'a', evaluate }).not.toExtend<Trigger>();
    expectTypeOf({ name: 'a', emails: 'a@example.com', evaluate }).not.toExtend<Trigger>();
  });

  it('is refused a key that no trigger has', () => {
    // @ts-expect-error enable is misspelt
    defineTrigger({ name: 'a', emails: [], evaluate, enable: false });
  });

  it('may return its verdict at once or later', () => {
    expectTypeOf<Trigger['evaluate']>().returns.toEqualTypeOf<Verdict | Promise<Verdict>>();
    expectTypeOf<Trigger['evaluate']>().parameters.toEqualTypeOf<[issue: Issue, context: TriggerContext]>();
    defineTrigger({ name: 'a', emails: [], evaluate: () => ({ notify: true, because: 'it is new' }) });
    defineTrigger({ name: 'a', emails: [], evaluate: async () => ({ notify: false, because: 'it is old' }) });
  });

  it('knows the issue and the context without type annotations', () => {
    defineTrigger({
      name: 'a',
      emails: [],
      subject: (alert) => {
        expectTypeOf(alert).toEqualTypeOf<AlertView>();
        return alert.issue.message;
      },
      async evaluate(issue, context) {
        expectTypeOf(issue).toEqualTypeOf<Issue>();
        expectTypeOf(context).toEqualTypeOf<TriggerContext>();
        return { notify: true, because: 'always', recipients: await context.neverNotified(issue) };
      },
    });
  });

  it('keeps its type in defineTrigger', () => {
    expectTypeOf(defineTrigger).toEqualTypeOf<(trigger: Trigger) => Trigger>();
  });
});

describe('a verdict', () => {
  it('must give a reason where it notifies somebody', () => {
    expectTypeOf<{ notify: false }>().toExtend<Verdict>();
    expectTypeOf<{ notify: true; because: string }>().toExtend<Verdict>();
    expectTypeOf<{ notify: true }>().not.toExtend<Verdict>();
    expectTypeOf<boolean>().not.toExtend<Verdict>();
    expectTypeOf<undefined>().not.toExtend<Verdict>();
  });

  it('names recipients by the context’s objects, not by address', () => {
    expectTypeOf<{ notify: true; because: string; recipients: readonly Recipient[] }>().toExtend<Verdict>();
    expectTypeOf<{ notify: true; because: string; recipients: string[] }>().not.toExtend<Verdict>();
  });
});

describe('the context', () => {
  it('answers in the domain’s own types', () => {
    expectTypeOf<TriggerContext['now']>().toEqualTypeOf<Date>();
    expectTypeOf<TriggerContext['recipients']>().toEqualTypeOf<readonly Recipient[]>();
    expectTypeOf<TriggerContext['counts']>().returns.resolves.toEqualTypeOf<Counts>();
    expectTypeOf<TriggerContext['series']>().returns.resolves.toEqualTypeOf<readonly BucketCounts[]>();
    expectTypeOf<TriggerContext['tags']>().returns.resolves.toEqualTypeOf<readonly TagCount[]>();
    expectTypeOf<TriggerContext['top']>().returns.resolves.toEqualTypeOf<readonly RankedIssue[]>();
    expectTypeOf<TriggerContext['lastNotified']>().returns.resolves.toEqualTypeOf<Date | null>();
    expectTypeOf<TriggerContext['neverNotified']>().returns.resolves.toEqualTypeOf<readonly Recipient[]>();
    expectTypeOf<TriggerContext['lastAlert']>().returns.resolves.toEqualTypeOf<LastAlert | null>();
    expectTypeOf<LastAlert>().toExtend<Counts & { readonly at: Date }>();
  });

  it('is asked for recipients that were never notified, by any trigger or by this one', () => {
    expectTypeOf<TriggerContext['neverNotified']>().parameters.toEqualTypeOf<
      [issue: Issue, by?: 'anyTrigger' | 'thisTrigger' | undefined]
    >();
  });

  it('is asked for windows of days or of hours, and for four tags', () => {
    type Window = Parameters<TriggerContext['series']>[1];
    expectTypeOf<Parameters<TriggerContext['counts']>[1]>().toEqualTypeOf<Window>();
    expectTypeOf<{ days: number }>().toExtend<Window>();
    expectTypeOf<{ hours: number }>().toExtend<Window>();
    expectTypeOf<{ minutes: number }>().not.toExtend<Window>();
    expectTypeOf<Tag>().toEqualTypeOf<'release' | 'environment' | 'browser' | 'os'>();
    expectTypeOf<Parameters<TriggerContext['tags']>>().toEqualTypeOf<
      [issue: Issue, tag: Tag, window: { days: number }]
    >();
  });

  it('ranks by events or users alone', () => {
    type Query = Parameters<TriggerContext['top']>[0];
    expectTypeOf<Query['by']>().toEqualTypeOf<'events' | 'users' | undefined>();
    expectTypeOf<{ days: number }>().not.toExtend<Query>();
    expectTypeOf<{ days: number; limit: number }>().toExtend<Query>();
  });
});

describe('a ready trigger', () => {
  type Factory<Options> = (emails: readonly string[], options?: Options) => Trigger;

  it('is made of addresses, and of options that may be left out', () => {
    expectTypeOf(newTopIssue).toEqualTypeOf<Factory<NewTopIssueOptions>>();
    expectTypeOf(newIssueHitsUsers).toEqualTypeOf<Factory<NewIssueHitsUsersOptions>>();
    expectTypeOf(userMilestones).toEqualTypeOf<Factory<UserMilestonesOptions>>();
    expectTypeOf(spike).toEqualTypeOf<Factory<SpikeOptions>>();
    expectTypeOf(regression).toEqualTypeOf<Factory<RegressionOptions>>();
    expectTypeOf(newInRelease).toEqualTypeOf<Factory<NewInReleaseOptions>>();
    expectTypeOf(healthCheck).toEqualTypeOf<(emails: readonly string[]) => Trigger>();
  });

  it('is refused an option that it does not have', () => {
    // @ts-expect-error user is misspelt
    newIssueHitsUsers([], { user: 50 });
    // @ts-expect-error a number is needed
    spike([], { times: '5' });
  });
});

describe('a count in a reason', () => {
  it('is written by estimate', () => {
    expectTypeOf(estimate).toEqualTypeOf<(count: number) => string>();
  });
});

describe('what a template shows', () => {
  it('holds the issue, the reason and the counts, and nothing that may be changed', () => {
    expectTypeOf<AlertView['because']>().toEqualTypeOf<string>();
    expectTypeOf<AlertView['link']>().toEqualTypeOf<string | null>();
    expectTypeOf<AlertView['today']>().toEqualTypeOf<Counts>();
    expectTypeOf<AlertView['hours']>().toEqualTypeOf<readonly BucketCounts[]>();
    expectTypeOf<AlertView['tags']['release']>().toEqualTypeOf<readonly TagCount[]>();
    expectTypeOf<AlertView['novelty']>().toEqualTypeOf<Novelty>();
    expectTypeOf<AlertView['days']>().toEqualTypeOf<readonly DayCounts[]>();
    expectTypeOf<Issue['stackFrames']>().toEqualTypeOf<readonly StackFrame[]>();
    expectTypeOf<StackFrame['line']>().toEqualTypeOf<number | null>();
    expectTypeOf<AlertView>().toEqualTypeOf<Readonly<AlertView>>();
  });
});
