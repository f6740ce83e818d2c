import type { AlertView } from '../../src/domain/alert.ts';
import type { StackFrame } from '../../src/domain/issue.ts';
import type { SilenceEnd } from '../../src/domain/silence.ts';
import type { DigestSilence, DigestView } from '../../src/mail/digest.ts';
import { SAMPLE_ALERT } from '../../src/mail/sample-alert.ts';

const frame = (name: string | null, module: string, line: number, column: number): StackFrame => ({
  function: name,
  module,
  line,
  column,
});
const { issue } = SAMPLE_ALERT;
const hourly = (...counts: number[]) => ({
  hours: SAMPLE_ALERT.hours.map((hour, index) => ({
    ...hour,
    events: counts[index] ?? 0,
    users: counts[index] ?? 0,
  })),
});
const NO_TAGS = { release: [], environment: [], browser: [], os: [] };
const flat = (events: number) => SAMPLE_ALERT.days.map((day) => ({ ...day, events, users: events }));

/** Alerts to look at: the usual, the least, the most, another script, and one made to do harm. */
export const PREVIEW_ALERTS: Readonly<Record<string, AlertView>> = {
  usual: {
    ...SAMPLE_ALERT,
    trigger: 'New top crasher',
    because: 'it ranks 4 with about 12,345 (± 570) events over 7 days',
    today: { events: 1_204, users: 342 },
    week: { events: 12_345, users: 4_310 },
    novelty: { is: 'back', afterDays: 12 },
    ...hourly(0, 0, 3, 8, 5, 4, 9, 30, 44, 61, 58, 49, 51, 72, 80, 77, 66, 91, 85, 120, 102, 95, 104, 12),
    days: SAMPLE_ALERT.days.map((day, index) => ({
      ...day,
      events: [0, 0, 3, 12, 4, 420, 1_180, 1_420, 1_610, 1_805, 2_411, 1_960, 1_935, 1_204][index] ?? 0,
    })),
    issue: {
      ...issue,
      stackFrames: [
        frame('restoreTab', 'resource:///modules/sessionstore/SessionStore.sys.mjs', 4_120, 17),
        frame('restoreTabContent', 'resource:///modules/sessionstore/SessionStore.sys.mjs', 4_042, 9),
        frame('receiveMessage', 'resource:///modules/sessionstore/SessionStore.sys.mjs', 1_216, 25),
        frame('handleEvent', 'chrome://browser/content/tabbrowser/tabbrowser.js', 6_403, 12),
        frame('promise callback*connect', 'chrome://browser/content/browser.js', 803, 5),
        frame(null, 'chrome://global/content/elements/browser-custom-element.mjs', 51, 1),
      ],
    },
  },
  least: {
    ...SAMPLE_ALERT,
    trigger: 'Healthcheck',
    otherRecipients: [],
    lastNotified: null,
    because: 'its text contains bec-alerts-healthcheck',
    today: { events: 1, users: 0 },
    week: { events: 1, users: 0 },
    days: flat(0).map((day, index) => (index === 13 ? { ...day, events: 1 } : day)),
    ...hourly(...Array.from({ length: 24 }, (_, index) => (index === 23 ? 1 : 0))),
    lastHour: { ...SAMPLE_ALERT.lastHour, events: 0, users: 0 },
    hourYesterday: { ...SAMPLE_ALERT.hourYesterday, events: 0, users: 0 },
    tags: NO_TAGS,
    novelty: { is: 'new' },
    link: null,
    issue: {
      ...issue,
      firstRelease: null,
      environment: null,
      message: 'bec-alerts-healthcheck',
      module: '',
      stackFrames: [],
      firstSeen: SAMPLE_ALERT.issue.lastSeen,
    },
  },
  most: {
    ...SAMPLE_ALERT,
    trigger: 'A trigger with quite a long name that says all that it does, at some length',
    otherRecipients: Array.from(
      { length: 12 },
      (_, index) => `someone.with.a.long.name.${index}@subdomain.example.com`,
    ),
    lastNotified: { at: SAMPLE_ALERT.ranAt, triggers: ['New top crasher', 'Spike', 'Regression'] },
    because:
      'it ranks 1 with about 98,765,432 (± 4,500,000) events over 7 days, which is more than ten times what any other has',
    today: { events: 12_345_678, users: 9_876_543 },
    week: { events: 98_765_432, users: 54_321_098 },
    days: flat(12_345_678),
    ...hourly(...Array.from({ length: 24 }, () => 600_000)),
    lastHour: { ...SAMPLE_ALERT.lastHour, events: 600_000, users: 500_000 },
    tags: {
      ...SAMPLE_ALERT.tags,
      browser: Array.from({ length: 21 }, (_, index) => ({
        value: index === 20 ? '(other)' : `A browser with a long name ${index} that nobody has heard of`,
        events: 4_000_000,
        share: 1 / 21,
        firstSeen: SAMPLE_ALERT.ranAt,
      })),
    },
    novelty: { is: 'back', afterDays: null },
    issue: {
      ...issue,
      logMessage: `Uncaught error in handler ${'of a window that was closed '.repeat(5)}`,
      firstRelease: `firefox-nightly@${'1'.repeat(80)}`,
      message: `NS_ERROR_NOT_AVAILABLE: ${'Component is not available (this._window.gURLBar.scrollTop) '.repeat(9)}`,
      stackFrames: Array.from({ length: 51 }, (_, index) =>
        index === 50
          ? { function: '… 349 more frames', module: null, line: null, column: null }
          : frame(
              `${'_recurse'.repeat(1 + (index % 9))}/<`,
              `https://cdn.example.com/assets/${'chunk-'.repeat(index % 25)}app.js`,
              1,
              1_234_567 + index,
            ),
      ),
    },
  },
  scripts: {
    ...SAMPLE_ALERT,
    issue: {
      ...issue,
      message: 'خطأ: تعذر تحميل الصفحة (about:newtab) — 页面加载失败：组件不可用 😀',
      stackFrames: [frame('تحميل', 'resource:///modules/תפריט.sys.mjs', 12, 3)],
    },
  },
  harmful: {
    ...SAMPLE_ALERT,
    because: 'you asked: <b>bold</b> & visit www.evil.example now',
    tags: {
      ...SAMPLE_ALERT.tags,
      release: [
        { value: '<b>1.0</b> https://evil.example', events: 3, share: 1, firstSeen: SAMPLE_ALERT.ranAt },
      ],
    },
    issue: {
      ...issue,
      groupId: '../"><script>alert(1)</script>',
      message:
        'Your password expired</h1><script>alert(1)</script><a href="https://evil.example/login">sign in</a> or go to https://evil.example/login\r\nBcc: victim@example.com \u202egnp.exe',
      module: '" onmouseover="alert(1)" x="',
      stackFrames: [frame('<img src=x onerror=alert(1)>', 'javascript:alert(1)//https://evil.example', 1, 2)],
    },
  },
};

/** The same alerts as one email of a run. */
export const PREVIEW_DIGEST: DigestView = {
  bundle: 'digest',
  recipient: SAMPLE_ALERT.recipient,
  runId: '1042',
  ranAt: SAMPLE_ALERT.ranAt,
  groups: [...Map.groupBy(Object.values(PREVIEW_ALERTS), ({ trigger }) => trigger)].map(
    ([trigger, alerts]) => ({
      trigger,
      entries: alerts.map((alert) => ({
        ...alert.issue,
        ...alert.week,
        because: alert.because,
        link: alert.link,
        crashSite: alert.issue.stackFrames[0] ?? null,
      })),
      more: 0,
    }),
  ),
  remaining: 0,
  mailedAlone: 50,
  subjectPrefix: SAMPLE_ALERT.subjectPrefix,
  silences: {
    listed: [
      silence('4200001', { until: new Date('2026-05-06T20:00:00Z') }, 'the fix is in the next beta', null),
      silence(
        '4200002',
        { usersOver: 5_000 },
        'see https://evil.example </p><script>alert(1)</script>',
        'Spike',
      ),
    ],
    more: 3,
  },
};

function silence(groupId: string, end: SilenceEnd, because: string, trigger: string | null): DigestSilence {
  const createdAt = SAMPLE_ALERT.ranAt;
  return { id: groupId, groupId, trigger, end, because, by: 'ann', createdAt, endedAt: null };
}
