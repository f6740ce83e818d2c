import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PREVIEW_ALERTS } from '../../../dev/email-preview/alerts.ts';
import type { AlertView } from '../../../src/domain/alert.ts';
import { hasCharts } from '../../../src/mail/alert-parts.ts';
import { loadTemplate } from '../../../src/mail/alert-template.ts';
import { shownIssue } from '../../../src/mail/format.ts';
import { SAMPLE_ALERT } from '../../../src/mail/sample-alert.ts';
import type { HtmlDocument } from '../../support/html.ts';
import { readHtml } from '../../support/html.ts';

const basic = await loadTemplate('basic-alert', null);
const alerts = Object.entries(PREVIEW_ALERTS);
const shown = (alert: AlertView): AlertView => ({ ...alert, issue: shownIssue(alert.issue) });

function rendered(alert: AlertView): { text: string; html: HtmlDocument; source: string } {
  const { text, html } = basic.render(shown(alert));
  return { text, html: readHtml(html ?? ''), source: html ?? '' };
}

const sample = rendered(SAMPLE_ALERT);
const squeezed = (text: string) => text.replace(/\s+/g, ' ');

describe('both bodies of an alert', () => {
  it.each([
    ['text', squeezed(sample.text)],
    ['HTML', squeezed(sample.html.text)],
  ])('show the issue, the reason, the counts, the dates and the place: %s', (_, body) => {
    for (const part of [
      SAMPLE_ALERT.issue.message,
      SAMPLE_ALERT.issue.module,
      'Sample trigger',
      'Reason',
      'it ranks 4 with about 2,080 (± 96) events over 7 days',
      'Affected users'.toLowerCase(),
      '117',
      'First seen',
      '2026-04-20 08:15:00 UTC',
      'in release 140.0',
      '141.0 (82 %), 140.0 (18 %)',
      'nightly',
      'Firefox 141 (82 %)',
      'Windows (60 %), Linux (25 %), Mac OS X (15 %)',
      'KNOWN SINCE 20 Apr 2026',
      'Since 12:00 UTC',
      '11:00 to 12:00',
      'Same hour yesterday',
      'project 7',
      'Events an hour',
      'Events a day',
      '23 Apr',
      'most: about 520 (± 24)',
      'Counts over 150 are estimates: 19 times in 20 the true one is within the ± given.',
      'crash site first',
      'at restoreTab(resource:///modules/SessionStore.sys.mjs:4120:17)',
      'at ?(chrome://browser/content/browser.js)',
      'Open in Sentry',
      'someone@example.com',
    ]) {
      expect(body.toLowerCase()).toContain(part.toLowerCase());
    }
  });

  it('show the error band of an estimate', () => {
    expect(sample.text).toContain('about 520 (± 24) events, 117 affected users');
    expect(sample.text).toContain('about 2,960 (± 140) events, about 640 (± 29) affected users');
    expect(squeezed(sample.html.text)).toContain('Today (UTC) so far about 520 (± 24) 117');
    expect(squeezed(sample.html.text)).toContain('Last 7 days about 2,960 (± 140) about 640 (± 29)');
  });

  it('have the stack in order, after everything else that is short', () => {
    for (const body of [sample.text, sample.html.text]) {
      const crash = body.indexOf('at restoreTab');
      expect(crash).toBeGreaterThan(body.indexOf('First seen'));
      expect(body.indexOf('at ?(chrome')).toBeGreaterThan(crash);
    }
  });

  it('leave out missing values', () => {
    const { text, html } = rendered(PREVIEW_ALERTS.least ?? SAMPLE_ALERT);
    for (const body of [text, html.text]) {
      expect(body).not.toContain('Open in Sentry');
      expect(body).not.toContain('estimates');
      expect(body).not.toContain('±');
      expect(body).not.toMatch(/undefined|null|NaN|\[object/);
      expect(body).toMatch(/none recorded/i);
    }
    expect(html.elements.filter(({ name }) => name === 'a')).toEqual([]);
  });

  it('say so where all of the days are empty', () => {
    const days = SAMPLE_ALERT.days.map((day) => ({ ...day, events: 0, users: 0 }));
    const { text, html } = rendered({ ...SAMPLE_ALERT, days });
    expect(text).toContain('··············  23 Apr');
    expect(squeezed(html.text)).toContain('23 Apr none today so far');
  });
});

describe('an alert of a single event', () => {
  const { text, html } = rendered(PREVIEW_ALERTS.least ?? SAMPLE_ALERT);

  it('has no chart, and its count once', () => {
    for (const body of [text, html.text]) {
      expect(body).not.toMatch(/Events an hour|Events a day|Today|Same hour/);
      expect(body.split('1 event,')).toHaveLength(2);
    }
  });
});

describe('the text', () => {
  it('has a bar for each of 14 days', () => {
    expect(sample.text).toContain("·▁▂▂▃▄▄▅▅▆▇▇██  23 Apr to 6 May, which isn't over");
  });

  it.each(alerts)('has no control or format character but the line feed: %s', (_, alert) => {
    expect(rendered(alert).text).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u);
  });

  it('keeps untrusted text to its line', () => {
    const lines = rendered({
      ...SAMPLE_ALERT,
      because: 'a\nTrigger: b',
      issue: { ...SAMPLE_ALERT.issue, message: 'x\r\n\r\nOpen in Sentry: https://evil.example' },
    }).text.split('\n');
    expect(lines[0]).toBe('x Open in Sentry: https://evil.example');
    expect(lines.filter((line) => line.startsWith('Open in Sentry:'))).toEqual([
      'Open in Sentry: https://sentry.example.com/issues/4200001/',
    ]);
    expect(lines).toContain('Reason: a Trigger: b');
  });
});

/** Elements that old mail programs understand, and none that loads or runs anything. */
const PLAIN = new Set('html head meta title style body div table tr td th p h1 h2 span wbr br a'.split(' '));
const ATTRIBUTES =
  /^(lang|charset|name|content|class|style|role|width|height|cellpadding|cellspacing|border|bgcolor|align|valign|scope|title|dir|href|aria-label)$/;

describe.each(alerts)('the HTML of an alert: %s', (_, alert) => {
  const { html, source } = rendered(alert);

  it('is made of plain elements and attributes alone', () => {
    expect(html.elements.filter(({ name }) => !PLAIN.has(name))).toEqual([]);
    const attributes = html.elements.flatMap((element) => Object.keys(element.attributes));
    expect(attributes.filter((name) => !ATTRIBUTES.test(name))).toEqual([]);
  });

  it('loads nothing, with no element or attribute that could', () => {
    const styles = [html.style, ...html.elements.map(({ attributes }) => attributes.style ?? '')].join('\n');
    expect(styles).not.toMatch(/url\(|@import|expression|behavior|position\s*:\s*(fixed|absolute)/i);
  });

  it('links to Sentry and nowhere else', () => {
    const links = html.elements.filter(({ name }) => name === 'a').map(({ attributes }) => attributes.href);
    expect(links).toEqual(alert.link === null ? [] : [alert.link]);
  });

  it('shows each untrusted text as it is, and no address as one run of text', () => {
    const { issue, because } = shown(alert);
    for (const text of [issue.message, issue.module, because, issue.groupId]) {
      expect(html.text).toContain(text);
    }
    const body = source.slice(source.indexOf('<body'));
    for (const run of body.split(/<[^>]*>/)) expect(run).not.toMatch(/[a-z][.@][a-z]|[a-z]:\/\/|:\/\/[a-z]/i);
  });

  it('has a bar for each of 24 hours and 14 days, as high as its share of the highest', () => {
    const bars = html.elements.filter(({ attributes }) => /^bar(-|$)/.test(attributes.class ?? ''));
    const heightsOf = (buckets: readonly { readonly events: number }[]) => {
      const most = Math.max(...buckets.map(({ events }) => events), 1);
      return buckets.map(({ events }) => (events === 0 ? 2 : Math.max(4, Math.round((events / most) * 56))));
    };
    const heights = hasCharts(alert) ? [...heightsOf(alert.hours), ...heightsOf(alert.days)] : [];
    expect(bars.map(({ attributes }) => Number(attributes.height))).toEqual(heights);
    for (const last of [bars[23], bars.at(-1)]) {
      if (last !== undefined) expect(last.attributes.class).toMatch(/bar-now|bar-none/);
    }
  });

  it('says each text once', () => {
    const { issue } = shown(alert);
    const body = html.text.slice(html.text.indexOf(issue.message.slice(0, 40)));
    for (const text of [issue.message, issue.logMessage]) {
      if (text !== '' && !alert.because.includes(text)) expect(body.split(text)).toHaveLength(2);
    }
  });

  it('fits a phone, and both colour schemes', () => {
    const meta = Object.fromEntries(
      html.elements
        .filter(({ name }) => name === 'meta')
        .map(({ attributes }) => [attributes.name, attributes.content]),
    );
    expect(meta.viewport).toBe('width=device-width,initial-scale=1');
    expect(meta['color-scheme']).toBe('light dark');
    expect(meta['supported-color-schemes']).toBe('light dark');
    expect(html.style).toContain('@media (prefers-color-scheme: dark)');
    // Nothing may be wider than a phone: no width in pixels, but the card's most.
    const widths = html.elements.map(({ attributes: { width = '100%', style = '' } }) => `${width} ${style}`);
    expect(widths.filter((each) => /^\d+ |[^-]width:\s*\d+px/.test(each))).toEqual([]);
  });

  it('takes a colour for the dark from a class wherever it sets one for the light', () => {
    const dark = html.style.slice(html.style.indexOf('prefers-color-scheme: dark'));
    const classes = new Set([...dark.matchAll(/\.([a-z-]+) \{/g)].map((match) => match[1]));
    const coloured = html.elements.filter(
      ({ name, attributes }) =>
        name !== 'a' && /(^|;)\s*(color|background-color):/.test(attributes.style ?? ''),
    );
    const undressed = coloured.filter(
      ({ attributes }) =>
        !(attributes.class ?? '').split(' ').some((one) => classes.has(one)) &&
        // The button's blue holds white in both.
        attributes.bgcolor !== '#0060df',
    );
    expect(undressed).toEqual([]);
    expect(coloured.length).toBeGreaterThan(10);
  });
});

async function templates(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bec-alerts-templates-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const [name, source] of Object.entries(files)) await writeFile(join(directory, name), source);
  return directory;
}

const HARM: AlertView = {
  ...SAMPLE_ALERT,
  because: '<b>"&\'`\r\nBcc: x\u202e\u0007',
};

describe('a template of one’s own', () => {
  it.each(['mine', 'mine.txt.eta', './mine.txt.eta'])(
    'is found next to the trigger file as %s',
    async (name) => {
      const directory = await templates({ 'mine.txt.eta': 'mine: <%= it.alert.trigger %>' });
      const template = await loadTemplate(name, directory);
      expect(template.render(SAMPLE_ALERT)).toEqual({ text: 'mine: Sample trigger', html: null });
      expect(template).toMatchObject({ file: join(directory, 'mine.txt.eta'), html: false });
    },
  );

  it('may end in .eta, and be named by its whole path', async () => {
    const directory = await templates({ 'mine.eta': 'mine' });
    expect((await loadTemplate('mine', directory)).render(SAMPLE_ALERT).text).toBe('mine');
    expect((await loadTemplate(join(directory, 'mine.eta'), '/')).render(SAMPLE_ALERT).text).toBe('mine');
  });

  it.each(['mine.txt.eta', 'mine.eta'])('has the HTML that is next to %s', async (name) => {
    const directory = await templates({ [name]: 'text', 'mine.html.eta': '<p><%= it.alert.because %></p>' });
    const template = await loadTemplate('mine', directory);
    expect(template.html).toBe(true);
    const { text, html } = template.render(HARM);
    expect(text).toBe('text');
    expect(html).toBe('<p>&lt;b&gt;&quot;&amp;&#39;&#96;\nBcc: x</p>');
  });

  it('goes before a built-in one of the same name', async () => {
    const directory = await templates({ 'basic-alert.txt.eta': 'mine' });
    expect((await loadTemplate('basic-alert', directory)).render(SAMPLE_ALERT).text).toBe('mine');
    expect((await loadTemplate('basic-alert', null)).render(SAMPLE_ALERT).text).toContain('Reason: ');
  });

  it('escapes in text all characters that would leave its line', async () => {
    const directory = await templates({ 'mine.eta': 'a\n<%= it.alert.because %>\nb' });
    expect((await loadTemplate('mine', directory)).render(HARM).text).toBe('a\n<b>"&\'` Bcc: x\nb');
  });

  it('leaves no control or format character in text that it printed without escaping', async () => {
    const raw = '<%~ it.alert.because %>';
    const directory = await templates({ 'mine.eta': raw, 'mine.html.eta': raw });
    const { text, html } = (await loadTemplate('mine', directory)).render(HARM);
    expect(text).toBe('<b>"&\'`\nBcc: x');
    expect(html).toBe('<b>"&\'`\nBcc: x');
  });

  it('may be made of parts', async () => {
    const directory = await templates({
      'mine.eta': "<%~ include('./part') %>!",
      'part.eta': 'part of <%= it.alert.trigger %>',
    });
    expect((await loadTemplate('mine', directory)).render(SAMPLE_ALERT).text).toBe('part of Sample trigger!');
  });

  it('has its text cut and its HTML left out where they are too long', async () => {
    const long = "<%~ 'x'.repeat(300000) %>";
    const directory = await templates({ 'mine.eta': long, 'mine.html.eta': long });
    const { text, html } = (await loadTemplate('mine', directory)).render(SAMPLE_ALERT);
    expect(text.length).toBe(200_000);
    expect(text.endsWith('x…')).toBe(true);
    expect(html).toBeNull();
  });

  it('is refused where it is missing, and the error says where it was looked for', async () => {
    const directory = await templates({});
    await expect(loadTemplate('absent', directory)).rejects.toThrow(
      `template "absent" is neither built in (basic-alert) nor a file next to the trigger file: ${directory}/absent.txt.eta, ${directory}/absent.eta`,
    );
    await expect(loadTemplate('../basic-alert', null)).rejects.toThrow(/neither built in/);
  });

  it('is named by its text, not its HTML', async () => {
    await expect(loadTemplate('mine.html.eta', '/')).rejects.toThrow(/name the text file/);
  });

  it.each([
    [
      'a misspelt property',
      'ok\n<%= it.alert.issue.mesage %>',
      /mine\.eta:2[\s\S]*>> 2\|.*mesage[\s\S]*misspelt/,
    ],
    [
      'code that throws',
      '<% it.alert.nothing.at.all %>',
      /mine\.eta:1[\s\S]*Cannot read properties of undefined/,
    ],
    ['a tag left open', 'x <%= it.alert', /unclosed tag at line 1 col 3/],
    [
      'code that is invalid',
      '<% if (true) { %>',
      /^template .*mine\.eta: Bad template syntax\n {4}Unexpected token '\)'$/,
    ],
  ])('is tried when it is loaded: %s', async (_, source, expected) => {
    const directory = await templates({ 'mine.eta': source });
    await expect(loadTemplate('mine', directory)).rejects.toThrow(expected);
  });

  it('is refused where its HTML is wrong', async () => {
    const directory = await templates({ 'mine.eta': 'fine', 'mine.html.eta': '<%= it.alert.nope %>' });
    await expect(loadTemplate('mine', directory)).rejects.toThrow(/mine\.html\.eta:1/);
  });
});

describe('the notifications that an alert shows', () => {
  const both = (alert: AlertView) => {
    const { text, html } = rendered(alert);
    return [squeezed(text), squeezed(html.text)];
  };

  it('are the other recipients, and the last alert of the issue with its triggers', () => {
    for (const body of both({
      ...SAMPLE_ALERT,
      otherRecipients: ['ann@example.com', 'bob@example.com'],
      lastNotified: { at: new Date('2026-05-03T09:30:00Z'), triggers: ['Regression', 'Spike'] },
    })) {
      expect(body).toContain('Also told: ann@example.com, bob@example.com');
      expect(body).toContain('You were told of this issue 3 days ago by Regression, Spike.');
    }
  });

  it('are five recipients at most, and the number of the others', () => {
    const otherRecipients = Array.from({ length: 12 }, (_, index) => `r${index}@example.com`);
    for (const body of both({ ...SAMPLE_ALERT, otherRecipients })) {
      expect(body).toContain(
        'r0@example.com, r1@example.com, r2@example.com, r3@example.com, r4@example.com and 7 more',
      );
      expect(body).not.toContain('r5@example.com');
    }
  });

  it('can be of the same run, or of triggers that are no longer known', () => {
    for (const body of both({
      ...SAMPLE_ALERT,
      lastNotified: { at: SAMPLE_ALERT.ranAt, triggers: ['Spike'] },
    }))
      expect(body).toContain('You were told of this issue just now by Spike.');
    const lastNotified = { at: new Date('2026-05-05T11:00:00Z'), triggers: [] };
    for (const body of both({ ...SAMPLE_ALERT, lastNotified }))
      expect(body).toContain('You were told of this issue 1 day ago.');
  });

  it('are left out of the first alert to one recipient', () => {
    for (const body of both({ ...SAMPLE_ALERT, otherRecipients: [], lastNotified: null }))
      expect(body).not.toMatch(/Also told|You were told/);
  });
});

describe('the last line of an alert', () => {
  it('is the command that silences the issue, ready to paste', () => {
    const { text, html } = rendered(SAMPLE_ALERT);
    const command = "bec-alerts silence 4200001 --for 8h --because '…'";
    expect(text.trimEnd().split('\n').at(-1)).toBe(command);
    expect(html.text.trimEnd().endsWith(command)).toBe(true);
  });
});
