import type { AlertView } from '../domain/alert.ts';

const EVALUATED_AT = new Date('2026-05-06T12:00:00Z');
const DAYS = Array.from({ length: 14 }, (_, index) => ({
  date: new Date(EVALUATED_AT.getTime() - (13 - index) * 86_400_000).toISOString().slice(0, 10),
  events: index * 40,
  users: index * 9,
}));

/** A made-up alert with everything that one can have: templates and subjects are tried on it before they are used. */
export const SAMPLE_ALERT: AlertView = {
  trigger: 'Sample trigger',
  recipient: 'someone@example.com',
  issue: {
    id: '1',
    groupId: '4200001',
    projectId: '7',
    message: 'TypeError: can\'t access property "documentURI", browser is undefined',
    module: 'resource:///modules/sessionstore/SessionStore.sys.mjs',
    stackFrames: [
      { function: 'restoreTab', module: 'resource:///modules/SessionStore.sys.mjs', line: 4_120, column: 17 },
      { function: null, module: 'chrome://browser/content/browser.js', line: null, column: null },
    ],
    firstSeen: new Date('2026-04-20T08:15:00Z'),
    lastSeen: new Date('2026-05-06T11:58:21Z'),
  },
  because: 'it ranks 4 with about 2,080 (± 96) events over 7 days',
  ranAt: EVALUATED_AT,
  today: { events: 520, users: 117 },
  week: { events: 2_960, users: 640 },
  days: DAYS,
  link: 'https://sentry.example.com/issues/4200001/',
  subjectPrefix: '[Firefox Browser Errors]',
};
