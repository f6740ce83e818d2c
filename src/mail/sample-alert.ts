import type { AlertView } from '../domain/alert.ts';

const EVALUATED_AT = new Date('2026-05-06T12:00:00Z');
const DAYS = Array.from({ length: 14 }, (_, index) => ({
  date: new Date(EVALUATED_AT.getTime() - (13 - index) * 86_400_000).toISOString().slice(0, 10),
  events: index * 40,
  users: index * 9,
}));

const HOURS = Array.from({ length: 24 }, (_, index) => ({
  at: new Date(EVALUATED_AT.getTime() - (23 - index) * 3_600_000),
  events: index * 3,
  users: index,
}));
const tag = (value: string, share: number, daysAgo: number) => ({
  value,
  events: Math.round(2_960 * share),
  share,
  firstSeen: new Date(EVALUATED_AT.getTime() - daysAgo * 86_400_000),
});

/** A made-up alert with everything that one can have: templates and subjects are tried on it before they are used. */
export const SAMPLE_ALERT: AlertView = {
  trigger: 'Sample trigger',
  recipient: 'someone@example.com',
  otherRecipients: ['another@example.com'],
  lastNotified: { at: new Date('2026-05-03T09:30:00Z'), triggers: ['Spike'] },
  issue: {
    id: '1',
    groupId: '4200001',
    projectId: '7',
    firstRelease: '140.0',
    environment: 'nightly',
    message: 'TypeError: can\'t access property "documentURI", browser is undefined',
    logMessage: '',
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
  hours: HOURS,
  lastHour: { at: new Date('2026-05-06T11:00:00Z'), events: 66, users: 22 },
  hourYesterday: { at: new Date('2026-05-05T11:00:00Z'), events: 21, users: 8 },
  tags: {
    release: [tag('141.0', 0.82, 2), tag('140.0', 0.18, 7)],
    environment: [tag('nightly', 1, 7)],
    browser: [tag('Firefox 141', 0.82, 2), tag('Firefox 140', 0.18, 7)],
    os: [tag('Windows', 0.6, 7), tag('Linux', 0.25, 7), tag('Mac OS X', 0.15, 6)],
  },
  novelty: { is: 'known' },
  link: 'https://sentry.example.com/issues/4200001/',
  subjectPrefix: '[Firefox Browser Errors]',
};
