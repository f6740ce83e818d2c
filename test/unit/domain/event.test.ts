import { describe, expect, it } from 'vitest';
import type { ErrorEvent } from '../../../src/domain/event.ts';
import { MAX_MESSAGE, parseEvent } from '../../../src/domain/event.ts';
import type { Rejection } from '../../../src/domain/rejection.ts';
import { forwarded } from '../../support/events.ts';

const SENT_AT = new Date('2026-05-06T12:30:00Z');

function event(overrides: Record<string, unknown> = {}): ErrorEvent {
  const parsed = parseEvent(JSON.stringify(forwarded(overrides)), SENT_AT);
  if ('rejection' in parsed) throw new Error(`rejected: ${parsed.rejection.reason}`);
  return parsed.event;
}

function rejection(body: unknown): Rejection {
  const parsed = parseEvent(typeof body === 'string' ? body : JSON.stringify(body), SENT_AT);
  if ('event' in parsed) throw new Error('it was taken for an event');
  return parsed.rejection;
}

describe('an event as Sentry forwards it', () => {
  it('becomes ids, text, module, frames, date and affected user', () => {
    expect(event({ eventID: 'e1', id: 'e1' })).toEqual({
      eventId: 'e1',
      groupId: '1001',
      projectId: '7',
      message: 'TypeError: x is undefined',
      logMessage: '',
      module: 'app',
      stackFrames: [
        { function: 'render', module: 'app', line: 20, column: 7 },
        { function: 'main', module: 'app', line: 10, column: 7 },
      ],
      receivedAt: new Date('2026-05-06T12:00:00.123Z'),
      user: 'id:42',
      tags: { release: null, environment: null, browser: 'Firefox 140', os: null },
    });
  });

  it('is identified by `id` where `eventID` is missing', () => {
    expect(event({ eventID: undefined, id: 'abc' }).eventId).toBe('abc');
  });

  it.each([
    ['a number', 4321, '4321'],
    ['text', '4321', '4321'],
  ])('has the group id %s as its decimal string', (_kind, groupID, expected) => {
    expect(event({ groupID }).groupId).toBe(expected);
  });
});

/** An event without an exception. */
const log = (overrides: Record<string, unknown>) => event({ entries: [], title: null, ...overrides });

describe('the text of an event', () => {
  it.each([
    ['U+0000', 'a\u0000b', 'a\uFFFDb'],
    ['a lone high surrogate', 'a\ud800b', 'a\uFFFDb'],
    ['a lone low surrogate', 'a\udc00b', 'a\uFFFDb'],
  ])('has %s replaced', (_what, message, expected) => {
    expect(log({ message }).message).toBe(expected);
  });

  it('is not cut down to the white space before it', () => {
    expect(log({ message: `${' '.repeat(2_000)}disk full\n` }).message).toBe('disk full');
  });

  it('keeps characters beyond the basic plane', () => {
    expect(log({ message: 'crash 💥' }).message).toBe('crash 💥');
  });

  it('is cut visibly, never through a surrogate pair', () => {
    expect(log({ message: 'x'.repeat(MAX_MESSAGE) }).message).toHaveLength(MAX_MESSAGE);
    const cut = log({ message: `${'x'.repeat(MAX_MESSAGE - 2)}💥${'x'.repeat(100)}` }).message;
    expect(cut).toBe(`${'x'.repeat(MAX_MESSAGE - 2)}…`);
  });
});

describe('the date of an event', () => {
  it.each([
    ['with a fraction', '2026-05-06T12:00:00.123456Z', '2026-05-06T12:00:00.123Z'],
    ['without a fraction', '2026-05-06T12:00:00Z', '2026-05-06T12:00:00.000Z'],
    ['with an offset', '2026-05-06T14:00:00+02:00', '2026-05-06T12:00:00.000Z'],
    ['without an offset, as UTC', '2026-05-06T12:00:00', '2026-05-06T12:00:00.000Z'],
  ])('is read %s', (_kind, dateReceived, expected) => {
    expect(event({ dateReceived }).receivedAt.toISOString()).toBe(expected);
  });

  it('falls back to dateCreated, then to when the message was sent', () => {
    const dateCreated = '2026-05-01T00:00:00Z';
    expect(event({ dateReceived: null, dateCreated }).receivedAt).toEqual(new Date(dateCreated));
    expect(event({ dateReceived: undefined, dateCreated: undefined }).receivedAt).toEqual(SENT_AT);
  });

  it.each(['dateReceived', 'dateCreated'])(
    'is when the message was sent, where %s is more than a day ahead',
    (field) => {
      const dated = (date: string) => event({ dateReceived: null, [field]: date }).receivedAt.toISOString();
      expect(dated('2026-05-07T12:30:00Z')).toBe('2026-05-07T12:30:00.000Z');
      expect(dated('2026-05-07T12:30:01Z')).toBe(SENT_AT.toISOString());
      expect(dated('9999-12-31T23:59:59Z')).toBe(SENT_AT.toISOString());
    },
  );

  it.each(['yesterday', '2026-02-30T12:00:00Z', '2026-05-06T25:00:00Z', '5', '0000-01-01T00:00:00Z', 12, {}])(
    'rejects the event where it is %j',
    (dateReceived) => {
      expect(rejection(forwarded({ dateReceived })).reason).toBe('invalid_date');
    },
  );
});

describe('the affected user', () => {
  const user = { id: '42', username: 'ann', email: 'ann@example.com', ip_address: '203.0.113.9' };

  it('is the value of the `user` tag', () => {
    const tags = [null, { key: null, value: 'x' }, { key: 'user', value: 'username:bob' }];
    expect(event({ tags, user }).user).toBe('username:bob');
  });

  it.each([
    [user, 'id:42'],
    [{ ...user, id: null }, 'username:ann'],
    [{ ...user, id: null, username: '' }, 'email:ann@example.com'],
    [{ ip_address: '203.0.113.9' }, 'ip:203.0.113.9'],
    [{ id: 42 }, 'id:42'],
    [{}, null],
    [null, null],
    ['text', null],
  ])('of %j is %j', (given, expected) => {
    expect(event({ user: given }).user).toBe(expected);
  });
});

describe('a message that is not an event', () => {
  it.each([
    ['', 'invalid_json'],
    ['{"eventID":', 'invalid_json'],
    ['null', 'not_an_object'],
    ['[]', 'not_an_object'],
    ['"text"', 'not_an_object'],
    [forwarded({ id: null, eventID: ' ' }), 'missing_event_id'],
    [forwarded({ id: 12, eventID: ['x'] }), 'missing_event_id'],
    [forwarded({ eventID: 'e'.repeat(129) }), 'invalid_event_id'],
    [forwarded({ groupID: null }), 'missing_group_id'],
    [forwarded({ groupID: 1.5 }), 'missing_group_id'],
    [forwarded({ groupID: 'g'.repeat(129) }), 'invalid_group_id'],
    [forwarded({ message: '', title: ' ', culprit: null, entries: [] }), 'missing_message'],
  ])('is rejected: %.60j', (body, reason) => {
    expect(rejection(body).reason).toBe(reason);
  });

  it('is rejected with a detail that holds nothing of its content', () => {
    expect(rejection(forwarded({ dateReceived: 'SECRET' })).detail).not.toContain('SECRET');
    expect(rejection('{"SECRET').detail).not.toContain('SECRET');
  });
});

describe('the keys of prototypes', () => {
  it('are data like any other', () => {
    const body = `{"__proto__":{"groupID":"evil"},"constructor":1,${JSON.stringify(forwarded()).slice(1)}`;
    const parsed = parseEvent(body, SENT_AT);
    expect('event' in parsed && parsed.event.groupId).toBe('1001');
    expect(({} as Record<string, unknown>).groupID).toBeUndefined();
  });

  it('replace no missing key', () => {
    expect(rejection('{"__proto__":{"eventID":"a","groupID":"b","message":"c"}}').reason).toBe(
      'missing_event_id',
    );
  });
});
