import { randomUUID } from 'node:crypto';
import type { ErrorEvent } from '../../src/domain/event.ts';
import type { JsonRecord } from '../../src/domain/json.ts';
import { NO_TAGS } from '../../src/domain/tags.ts';

/** One browser error as Sentry forwards it. Keys given replace its own; a key given as undefined is left out. */
export function forwarded(overrides: JsonRecord = {}): JsonRecord {
  const eventID = randomUUID().replaceAll('-', '');
  return {
    id: eventID,
    eventID,
    groupID: '1001',
    projectID: '7',
    message: '',
    title: 'TypeError: x is undefined',
    culprit: 'render(app)',
    dateReceived: '2026-05-06T12:00:00.123456Z',
    dateCreated: '2026-05-06T11:59:58Z',
    user: { id: '42', email: null, username: null, ip_address: '203.0.113.9' },
    tags: [{ key: 'browser', value: 'Firefox 140' }],
    entries: [exceptionEntry([exception('TypeError', 'x is undefined')])],
    platform: 'javascript',
    ...overrides,
  };
}

export function exceptionEntry(values: readonly JsonRecord[]): JsonRecord {
  return { type: 'exception', data: { values, hasSystemFrames: false, excOmitted: null } };
}

/** Frames run from the oldest call to the crash site, as Sentry has them. */
export function exception(type: string, value: string, overrides: JsonRecord = {}): JsonRecord {
  const frame = (name: string, lineNo: number) => ({
    filename: '/static/app.js',
    absPath: 'https://example.com/static/app.js',
    module: 'app',
    function: name,
    lineNo,
    colNo: 7,
    inApp: true,
  });
  return {
    type,
    value,
    module: 'app',
    stacktrace: { frames: [frame('main', 10), frame('render', 20)] },
    ...overrides,
  };
}

/** An event as parsing yields it. */
export function errorEvent(overrides: Partial<ErrorEvent> = {}): ErrorEvent {
  return {
    eventId: randomUUID().replaceAll('-', ''),
    groupId: '1001',
    projectId: '7',
    message: 'TypeError: x is undefined',
    logMessage: '',
    module: 'app',
    stackFrames: [{ function: 'render', module: 'app', line: 20, column: 7 }],
    receivedAt: new Date(),
    user: 'id:42',
    tags: NO_TAGS,
    ...overrides,
  };
}
