import { describe, expect, it } from 'vitest';
import type { Issue } from '../../../../src/domain/issue.ts';
import type { Trigger, TriggerContext, Verdict } from '../../../../src/domain/trigger.ts';
import { evaluate } from '../../../../src/watcher/evaluator/evaluate.ts';

const recipients = [
  { id: '1', email: 'ann@example.com' },
  { id: '2', email: 'bob@example.com' },
];
const unasked = () => Promise.reject(new Error('not asked'));
const context: TriggerContext = {
  now: new Date(0),
  recipients,
  counts: unasked,
  series: unasked,
  tags: unasked,
  top: unasked,
  lastNotified: unasked,
  lastAlert: unasked,
  neverNotified: unasked,
};

function issue(id: string): Issue {
  return {
    id,
    groupId: id,
    projectId: '7',
    firstRelease: null,
    environment: null,
    message: `issue ${id}`,
    logMessage: '',
    module: 'app',
    stackFrames: [],
    firstSeen: new Date(0),
    lastSeen: new Date(0),
  };
}

const trigger = (evaluate: Trigger['evaluate']): Trigger => ({ name: 'T', emails: [], evaluate });
const evaluationOf = (answer: unknown) =>
  evaluate(
    trigger(() => answer as Verdict),
    [issue('1')],
    context,
  );

describe('a verdict', () => {
  it('notifies all recipients of the trigger, or those that it names', async () => {
    const all = await evaluationOf({ notify: true, because: 'so' });
    expect(all.notify).toMatchObject([{ because: 'so', recipients }]);
    const one = await evaluationOf({
      notify: true,
      because: 'so',
      recipients: [recipients[1], recipients[1]],
    });
    expect(one.notify).toMatchObject([{ recipients: [recipients[1]] }]);
  });

  it.each([
    [undefined],
    [null],
    [true],
    [{}],
    [{ notify: 'no' }],
    [{ notify: false, because: 7 }],
    [{ notify: true }],
    [{ notify: true, because: '' }],
    [{ notify: true, because: 'so', recipients: 'all' }],
    [{ notify: true, because: 'so', recipients: [{ id: '9', email: 'eve@example.com' }] }],
  ])('that is %j fails its evaluation', async (answer) => {
    const { notify, failed } = await evaluationOf(answer);
    expect(notify).toEqual([]);
    expect(failed).toMatchObject([{ issue: { id: '1' }, error: expect.any(TypeError) }]);
  });
});

describe('a page', () => {
  it('keeps the order of its issues, however long each takes', async () => {
    const waiting: (() => void)[] = [];
    const { notify } = await evaluate(
      trigger(async ({ id }) => {
        await new Promise<void>((resolve) => {
          waiting.unshift(resolve);
          if (waiting.length === 3) for (const go of waiting) go();
        });
        return { notify: true, because: id };
      }),
      ['1', '2', '3'].map(issue),
      context,
    );
    expect(notify.map(({ because }) => because)).toEqual(['1', '2', '3']);
  });

  it('costs an evaluation that throws or never ends only that evaluation', async () => {
    const { notify, failed, late } = await evaluate(
      trigger(({ id }) => {
        if (id === '1') throw new Error('boom');
        if (id === '2') return new Promise(() => undefined);
        return { notify: true, because: id };
      }),
      ['1', '2', '3'].map(issue),
      context,
      20,
    );
    expect(notify.map(({ because }) => because)).toEqual(['3']);
    expect(failed.map(({ error }) => error.message)).toEqual([
      'boom',
      'evaluate did not return within 0.02 s',
    ]);
    expect(late).toBe(true);
  });

  it('is given up at once when the signal fires', async () => {
    const stop = new AbortController();
    const hanging = trigger(() => {
      stop.abort(new Error('stopping'));
      return new Promise(() => undefined);
    });
    await expect(evaluate(hanging, [issue('1')], context, 3_600_000, stop.signal)).rejects.toThrow(
      'stopping',
    );
  });
});
