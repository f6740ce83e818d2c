import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../../src/domain/event.ts';
import { healthCheck } from '../../../src/triggers/health-check.ts';
import { exception, exceptionEntry, forwarded } from '../../support/events.ts';
import { anIssue } from '../../support/issues.ts';

const SENT_AT = new Date('2026-05-06T12:30:00Z');

function event(overrides: Record<string, unknown>) {
  const parsed = parseEvent(JSON.stringify(forwarded(overrides)), SENT_AT);
  if ('rejection' in parsed) throw new Error(`rejected: ${parsed.rejection.reason}`);
  return parsed.event;
}

const thrown = (...values: object[]) => [exceptionEntry(values as never)];
const titled = (overrides: Record<string, unknown>) => {
  const { message, logMessage } = event(overrides);
  return { message, logMessage };
};

describe('the title of an event', () => {
  it('is the exception’s own text where Sentry cut it', () => {
    const value = `can't access property "documentURI", browser is undefined while ${'reading '.repeat(12)}it`;
    const title = `TypeError: ${value.slice(0, 97)}...`;
    expect(titled({ title, entries: thrown(exception('TypeError', value)) }).message).toBe(
      `TypeError: ${value}`,
    );
  });

  it('is all lines of the exception, white space folded', () => {
    const entries = thrown(exception('Error', '\n  the first line is empty\n\tand there are two more'));
    expect(titled({ title: 'Error: ', entries }).message).toBe(
      'Error: the first line is empty and there are two more',
    );
  });

  it.each(['<unlabeled event>', '<unknown>', '<untitled>', null, ''])(
    'is the exception where it is %j',
    (title) => {
      expect(titled({ title, entries: thrown(exception('RangeError', 'too long')) }).message).toBe(
        'RangeError: too long',
      );
    },
  );

  it('is the exception, and the log message is kept as a separate text', () => {
    const entries = thrown(exception('TypeError', 'browser is null'));
    const message = 'Uncaught error in handler';
    for (const title of ['TypeError: browser is null', message]) {
      expect(titled({ message, title, entries })).toEqual({
        message: 'TypeError: browser is null',
        logMessage: message,
      });
    }
    expect(titled({ message: 'browser is null', title: null, entries }).logMessage).toBe('');
  });

  it('is Sentry’s own where neither the exception nor the log message explains it', () => {
    expect(titled({ title: 'Checkout failed', entries: thrown(exception('Error', 'x')) })).toEqual({
      message: 'Checkout failed',
      logMessage: 'Error: x',
    });
  });

  it('is the log message, the title or the culprit where there is no exception', () => {
    expect(titled({ message: 'disk full', title: 'disk f...', entries: [] }).message).toBe('disk full');
    expect(titled({ message: '', title: 'A title', entries: [] }).message).toBe('A title');
    expect(titled({ title: '<unlabeled event>', culprit: 'render(app)', entries: [] }).message).toBe(
      'render(app)',
    );
    expect(titled({ title: '<unlabeled event>', culprit: null, entries: [] }).message).toBe(
      '<unlabeled event>',
    );
  });

  it('is of the type or the value alone where there is no other', () => {
    expect(titled({ title: 'Error', entries: thrown({ type: 'Error', value: '' }) }).message).toBe('Error');
    expect(titled({ title: null, entries: thrown({ type: null, value: 'lost' }) }).message).toBe('lost');
  });

  it('names no person: emails, addresses, home folders and queries are left out', () => {
    const value = 'ann@example.com at 203.0.113.9 opened /home/ann/x and https://a.example/b?token=1#c';
    expect(
      titled({ title: null, message: 'for bob@example.com', entries: thrown(exception('Error', value)) }),
    ).toEqual({
      message: 'Error: <email> at <ip> opened /home/…/x and https://a.example/b',
      logMessage: 'for <email>',
    });
  });
});

describe('title, module and stack', () => {
  const cause = exception('CauseError', 'first', { module: 'cause.js' });
  const last = exception('OuterError', 'last', { module: 'outer.js' });

  it('are of the last exception, which was thrown', () => {
    const { message, module } = event({ title: null, entries: thrown(cause, last) });
    expect({ message, module }).toEqual({ message: 'OuterError: last', module: 'outer.js' });
  });

  it.each([
    ['metadata', { title: null, metadata: { type: 'CauseError', value: 'first' } }],
    ['title', { title: 'CauseError: first' }],
    ['metadata, cut', { title: 'CauseError: fi...', metadata: { type: 'CauseError', value: 'fi...' } }],
  ])('are of the one that %s names', (_what, overrides) => {
    const { message, module, stackFrames } = event({ ...overrides, entries: thrown(cause, last) });
    expect({ message, module }).toEqual({ message: 'CauseError: first', module: 'cause.js' });
    expect(stackFrames).toHaveLength(2);
  });

  it('are of the one with exactly that text, before one that only begins alike', () => {
    const short = exception('Error', 'Failed', { module: 'short.js' });
    const long = exception('Error', 'Failed to fetch', { module: 'long.js' });
    const metadata = { type: 'Error', value: 'Failed' };
    for (const overrides of [{ title: 'Error: Failed' }, { title: null, metadata }]) {
      const { message, module } = event({ ...overrides, entries: thrown(short, long) });
      expect({ message, module }).toEqual({ message: 'Error: Failed', module: 'short.js' });
    }
  });

  it('are of the one exception that a group wraps, where nothing names it', () => {
    const member = (id: number, parent: number | null, isGroup: boolean, value: object) => ({
      ...value,
      mechanism: { exception_id: id, parent_id: parent, is_exception_group: isGroup },
    });
    const group = exception('AggregateError', 'all failed', { module: 'group.js' });
    const alike = [member(2, 0, false, cause), member(1, 0, false, cause), member(0, null, true, group)];
    expect(event({ title: null, entries: thrown(...alike) }).module).toBe('cause.js');
    const nested = [member(2, 1, false, cause), member(1, 0, true, group), member(0, null, true, group)];
    expect(event({ title: null, entries: thrown(...nested) }).module).toBe('cause.js');
    const different = [member(2, 0, false, cause), member(1, 0, false, last), member(0, null, true, group)];
    expect(event({ title: null, entries: thrown(...different) }).module).toBe('group.js');
  });

  it('are of the entry itself in very old events', () => {
    const entries = [{ type: 'exception', data: exception('TypeError', 'old', { module: 'old.module' }) }];
    expect(event({ title: null, entries })).toMatchObject({
      message: 'TypeError: old',
      module: 'old.module',
    });
  });

  it('follow no circle of groups', () => {
    const mechanism = { exception_id: 0, parent_id: 0, is_exception_group: true };
    const root = { ...last, mechanism: { exception_id: 1, is_exception_group: true } };
    const entries = thrown(
      { ...cause, mechanism },
      { ...cause, mechanism: { ...mechanism, parent_id: 1 } },
      root,
    );
    expect(event({ title: null, entries }).message).toBe('OuterError: last');
  });
});

describe('the healthcheck’s text', () => {
  const marker = 'bec-alerts-healthcheck';
  it.each([
    ['the log message', { message: marker, title: marker, entries: [] }],
    ['the title', { title: marker }],
    ['the exception’s value', { title: 'Error: x', entries: thrown(exception('Error', `x\n${marker}`)) }],
    ['the exception’s type', { title: null, entries: thrown(exception(marker, 'x')) }],
    ['the log message of an exception', { message: marker }],
    ['the exception under another title', { title: 'Other', entries: thrown(exception('Error', marker)) }],
  ])('is found in %s', async (_where, overrides) => {
    const verdict = await healthCheck([]).evaluate(anIssue(titled(overrides)), undefined as never);
    expect(verdict.notify).toBe(true);
  });
});
