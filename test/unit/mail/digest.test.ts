import { describe, expect, it } from 'vitest';
import type { DigestEntry, DigestView } from '../../../src/mail/digest.ts';
import { loadDigest } from '../../../src/mail/digest.ts';

const render = await loadDigest();

function entry(overrides: Partial<DigestEntry> = {}): DigestEntry {
  return {
    message: 'TypeError: x is undefined',
    because: 'it changed',
    module: 'app',
    crashSite: { function: 'render', module: 'app', line: 20, column: 7 },
    events: 1_234,
    users: 1,
    firstSeen: new Date('2026-05-01T10:00:00.123Z'),
    lastSeen: new Date('2026-05-06T12:00:00Z'),
    firstRelease: '140.0',
    link: null,
    ...overrides,
  };
}

function view(overrides: Partial<DigestView> = {}): DigestView {
  return {
    bundle: 'digest',
    recipient: 'oncall@example.com',
    runId: '17',
    ranAt: new Date('2026-05-06T12:05:00Z'),
    groups: [{ trigger: 'Every event', entries: [entry()], more: 0 }],
    remaining: 0,
    mailedAlone: 50,
    subjectPrefix: '[test]',
    silences: { listed: [], more: 0 },
    ...overrides,
  };
}

describe('the silences in a digest', () => {
  const createdAt = new Date('2026-05-06T08:00:00Z');
  const end = { until: new Date('2026-05-06T20:00:00Z') };
  const known = { id: '1', groupId: '4200001', trigger: null, end, createdAt, endedAt: null };
  const silence = { ...known, by: 'ann', because: 'the fix is on its way' };

  it('are listed with their end, their author and their reason', () => {
    const few = { ...silence, groupId: '4200002', trigger: 'Spike', end: { usersOver: 500 }, by: 'bob' };
    const { text, html } = render(view({ silences: { listed: [silence, few], more: 1_200 } }));
    expect(text).toContain(`
Silenced at the time of the run:
  4200001 until 2026-05-06 20:00:00 UTC, by ann: the fix is on its way
  4200002 for trigger Spike until 500 users are affected, by bob: the fix is on its way
  and 1,200 more: bec-alerts silences
`);
    expect(html).toContain('>4200001 until 2026-05-06 20:00:00 UTC, by ann: the fix is on its way</p>');
    expect(html).toContain('and 1,200 more: <code>bec-alerts silences</code>');
  });

  it('are not mentioned if nothing is silenced', () => {
    const { text, html } = render(view());
    expect(`${text}${html}`).not.toMatch(/silence/i);
  });

  it('are untrusted text, which is escaped and makes no link', () => {
    const because = '</p><script>alert(1)</script> https://evil.example\u202e';
    const { text, html } = render(view({ silences: { listed: [{ ...silence, because }], more: 0 } }));
    expect(html).not.toMatch(/<script|https:\/\/evil|\u202e/);
    expect(text).not.toContain('\u202e');
  });
});

describe('an email of several alerts', () => {
  it('shows the issue, its counts, the reason, its dates and its place', () => {
    const link = 'https://sentry.example.com/issues/1/';
    const groups = [{ trigger: 'Every event', entries: [entry({ link })], more: 0 }];
    expect(render(view({ groups })).text).toBe(`1 alert of one run
Evaluated 2026-05-06 12:05:00 UTC, run 17

Every event: 1 alert

  TypeError: x is undefined
    Reason: it changed
    about 1,234 (± 57) events, 1 affected user over 7 days
    First seen 2026-05-01 10:00:00 UTC, in release 140.0
    at render(app:20:7)
    ${link}

Counts over 150 are estimates: 19 times in 20 the true one is within the ± given.

--
Sent by bec-alerts to oncall@example.com, a recipient of these triggers.
Messages, modules and stacks come from a user's browser: don't trust addresses in them.
`);
  });

  it('leaves out unknown values', () => {
    const groups = [{ trigger: 'T', entries: [entry({ message: 'boom', crashSite: null })], more: 0 }];
    const { text, html } = render(view({ groups }));
    expect(text).not.toMatch(/ at .*\(|https?:/);
    expect(html).not.toMatch(/<a |undefined|null/);
  });

  it('names all triggers in a subject of one line, cut at 200 characters', () => {
    const groups = ['First\r\nBcc: all@example.com', 'x'.repeat(300)].map((trigger) => ({
      trigger,
      entries: [entry()],
      more: 2,
    }));
    const { subject } = render(view({ groups }));
    expect(subject).toMatch(/^6 alerts: First Bcc: all@example.com, x+… \[test\]$/);
    expect(subject).toHaveLength(200);
  });

  it('keeps untrusted text to its line and out of the markup', () => {
    const hostile = '"><script>alert(1)</script>\n\n  Every event: 99 alerts\u202e\u0000';
    const groups = [
      {
        trigger: 'T',
        entries: [
          entry({
            message: hostile,
            because: hostile,
            link: 'https://s.example.com/%22%3E',
            crashSite: { function: hostile, module: hostile, line: 1, column: null },
          }),
        ],
        more: 0,
      },
    ];
    const { text, html } = render(view({ groups }));
    expect(text.split('\n').filter((line) => line.startsWith('  Every event'))).toEqual([]);
    for (const body of [text, html]) expect(body).not.toMatch(/[\u202e\0]/);
    expect(html).not.toContain('<script');
    expect(html).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;');
  });

  it('is of text alone where its HTML would make it larger than SES accepts', () => {
    const dots = '.'.repeat(200);
    const crashSite = { function: dots, module: dots, line: 1, column: null };
    const dotted = entry({ message: dots, because: dots, crashSite });
    const of = (count: number) =>
      render(view({ groups: [{ trigger: 'T', entries: Array(count).fill(dotted), more: 0 }] }));
    expect(of(100).html).toContain('</html>');
    const { text, html } = of(1_000);
    expect(html).toBeNull();
    expect(text.match(/^ {2}\.{200}$/gm)).toHaveLength(1_000);
  });

  it('makes no link of an address in untrusted text', () => {
    const groups = [{ trigger: 'T', entries: [entry({ message: 'see https://evil.example/x' })], more: 0 }];
    const { html } = render(view({ groups }));
    expect(html).not.toContain('evil.example');
    expect(html?.replace(/<[^>]+>/g, '')).toContain('see https://evil.example/x');
  });
});
