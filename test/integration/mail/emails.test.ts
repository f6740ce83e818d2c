import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { StoredEmail } from '../../../dev/services.ts';
import { storeEvents } from '../../../src/db/events.ts';
import { parseEvent } from '../../../src/domain/event.ts';
import type { JsonRecord } from '../../../src/domain/json.ts';
import { firstHour } from '../../../src/domain/time.ts';
import { awayFromMidnight, daysAgo, happen, watchOnce } from '../../support/alerts.ts';
import { withinAnHour } from '../../support/clock.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { exception, exceptionEntry, forwarded } from '../../support/events.ts';
import { readHtml } from '../../support/html.ts';

const database = await createDatabase();
const { pool } = database;
const directories: string[] = [];
beforeEach(async () => {
  await awayFromMidnight();
  await emptyTables(pool);
});
afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true });
});

const ON_CALL = 'oncall@example.com';
const ENV = { SENTRY_ISSUE_URL: 'https://sentry.example.com/issues/{groupId}/' };

/** Counts an event as it came from the queue. */
async function receive(overrides: JsonRecord): Promise<void> {
  const now = new Date();
  const body = JSON.stringify(forwarded({ dateReceived: now.toISOString(), ...overrides }));
  const parsed = parseEvent(body, now);
  if (!('event' in parsed)) throw new Error(`rejected: ${parsed.rejection.reason}`);
  await storeEvents(pool, [parsed.event]);
}

async function triggerFile(source: string, others: Readonly<Record<string, string>> = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bec-alerts-triggers-'));
  directories.push(directory);
  for (const [name, text] of Object.entries(others)) await writeFile(join(directory, name), text);
  const file = join(directory, 'triggers.mts');
  await writeFile(
    file,
    `import type { Trigger } from 'bec-alerts';\nexport default [${source}] as Trigger[];\n`,
  );
  return file;
}

const EVERY = `{
  name: 'Every',
  emails: ['${ON_CALL}'],
  evaluate: (issue) => ({ notify: true, because: 'it says: ' + issue.message }),
}`;

/** The one email that all of it must have become. */
async function theEmail(source = EVERY, others: Readonly<Record<string, string>> = {}): Promise<StoredEmail> {
  const { finished, emails } = await watchOnce(database, {
    ...ENV,
    TRIGGERS: await triggerFile(source, others),
  });
  expect(finished).toMatchObject({ code: 0, stderr: '' });
  const [email, ...more] = emails;
  expect(more).toEqual([]);
  if (email === undefined) throw new Error(`no email arrived: ${finished.stdout}`);
  expect(email.to).toEqual([ON_CALL]);
  return email;
}

const HARM: Readonly<Record<string, string>> = {
  markup: 'Session expired</h1></td></table><script>alert(1)</script><img src=x onerror=alert(1)>',
  'attribute in double quotes': '" onmouseover="alert(1)',
  'attribute in single quotes': "' onfocus='alert(1)",
  links: '<a href="https://evil.example/">sign in</a> https://evil.example/login www.evil.example',
  'templates and entities': '{{7*7}} <%= 7*7 %> &lt;b&gt; &amp;#x202e;',
  'headers after CRLF': 'x\r\nBcc: victim@example.com\r\nContent-Type: text/html\r\n\r\n<b>body</b>',
  'headers after LF': 'x\nSubject: another\n\nOpen in Sentry: https://evil.example/',
  'invisible characters': '\u202egnp.exe\u2066\u200b\ufeff\u0000\u0007\u001b[31m\ud800',
  'endless text': `${'long '.repeat(60)}${'x'.repeat(60_000)}`,
  'stacked marks': `a${'\u0301'.repeat(500)}b`,
};

describe('hostile events as SES received them', () => {
  const linkOf = (index: number) => `https://sentry.example.com/issues/harm-${index}/`;

  let mailed: Promise<Map<string, StoredEmail>> | undefined;
  /** All at once, in one run: by their links to Sentry. */
  const mailAll = async () => {
    for (const [index, harm] of Object.values(HARM).entries()) {
      const frame = { function: harm, module: harm, filename: harm, lineNo: 1, colNo: 2 };
      const thrown = exception('Error', harm, { module: harm, stacktrace: { frames: [frame] } });
      await receive({ groupID: `harm-${index}`, title: harm, entries: [exceptionEntry([thrown])] });
    }
    const { finished, emails } = await watchOnce(database, { ...ENV, TRIGGERS: await triggerFile(EVERY) });
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    expect(emails.map(({ to }) => to)).toEqual(Object.keys(HARM).map(() => [ON_CALL]));
    const link = /https:\/\/sentry\.example\.com\/issues\/harm-\d+\/$/m;
    return new Map(emails.map((email) => [link.exec(email.text)?.[0] ?? '', email]));
  };

  describe.each(Object.keys(HARM).map((name, index) => [name, index] as const))('%s', (_, index) => {
    let email: StoredEmail;
    beforeEach(async () => {
      mailed ??= mailAll();
      const found = (await mailed).get(linkOf(index));
      if (found === undefined) throw new Error(`no email links to issue harm-${index}`);
      email = found;
    });

    it('leaves the subject one line of at most 200 characters', () => {
      expect(email.subject).toMatch(/^\S[^\n]* · Every \[Firefox Browser Errors\]$/);
      expect(email.subject.length).toBeLessThanOrEqual(200);
    });

    it('leaves no control, format or stacked character anywhere, and no body without bound', () => {
      for (const part of [email.subject, email.text, email.html ?? '']) {
        expect(part).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]|\p{M}{5}/u);
        expect(part.isWellFormed()).toBe(true);
        expect(part.length).toBeLessThan(40_000);
      }
    });

    it('adds no line of its own to the text', () => {
      const lines = email.text.split('\n');
      expect(lines.filter((line) => /^(Bcc|Content-Type|Subject|<b>)/.test(line))).toEqual([]);
      expect(lines.filter((line) => line.startsWith('Open in Sentry:'))).toEqual([
        `Open in Sentry: ${linkOf(index)}`,
      ]);
    });

    it('adds no element, attribute or link to the HTML, and is still shown', () => {
      const { elements, text } = readHtml(email.html ?? '');
      expect(elements.filter(({ name }) => /^(script|img|b|iframe|form|object)$/.test(name))).toEqual([]);
      const attributes = elements.flatMap((element) => Object.keys(element.attributes));
      expect(attributes.filter((name) => name.startsWith('on'))).toEqual([]);
      const links = elements.filter(({ name }) => name === 'a').map((element) => element.attributes.href);
      expect(links).toEqual([linkOf(index)]);
      const [, body = ''] = (email.html ?? '').split('<body');
      for (const run of body.split(/<[^>]*>/)) {
        expect(run).not.toMatch(/[a-z][.@][a-z]|[a-z]:\/\/|:\/\/[a-z]/i);
      }
      const [first = ''] = email.text.split('\n');
      expect(first.length).toBeGreaterThan(3);
      expect(text).toContain(first.slice(0, 150));
    });
  });
});

describe('an alert as SES received it', () => {
  it('shows text that looks like a template or an entity as it is', async () => {
    const title = '{{7*7}} <%= 7*7 %> &lt;b&gt; &amp;#x202e;';
    await receive({ title });
    const { subject, text, html } = await theEmail();
    expect(subject).toBe(`${title} · Every [Firefox Browser Errors]`);
    expect(text.split('\n')[0]).toBe(title);
    expect(readHtml(html ?? '').text).toContain(title);
  });

  it.each([
    ['../../admin?x=1#y', 'https://sentry.example.com/issues/..%2F..%2Fadmin%3Fx%3D1%23y/'],
    [
      '"><script>alert(1)</script>',
      'https://sentry.example.com/issues/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E/',
    ],
    ['javascript:alert(1)', 'https://sentry.example.com/issues/javascript%3Aalert(1)/'],
  ])('links to the issue whatever its group id: %j', async (groupID, link) => {
    await receive({ groupID });
    const { text, html } = await theEmail();
    const links = readHtml(html ?? '').elements.filter(({ name }) => name === 'a');
    expect(links.map(({ attributes }) => attributes.href)).toEqual([link]);
    expect(text).toContain(`Open in Sentry: ${link}\n`);
  });

  it('has no link where the group id would climb out of the path', async () => {
    await receive({ groupID: '..' });
    const { text, html } = await theEmail();
    expect(readHtml(html ?? '').elements.filter(({ name }) => name === 'a')).toEqual([]);
    expect(text).not.toContain('Open in Sentry');
  });

  it('has a subject of one line, even if the trigger returns several', async () => {
    await receive({});
    const { subject } = await theEmail(`{
      name: 'Own subject', emails: ['${ON_CALL}'],
      subject: ({ issue }) => 'one\\r\\nBcc: victim@example.com\\r\\n' + issue.message.repeat(50),
      evaluate: () => ({ notify: true, because: 'always' }),
    }`);
    expect(subject).toMatch(/^one Bcc: victim@example\.com TypeError: x is undefined/);
    expect(subject).toHaveLength(200);
  });

  it('says why, how often with the error band, and each day', async () => {
    await happen(pool, 'a', 400);
    await happen(pool, 'a', 800, { receivedAt: daysAgo(3) });
    await happen(pool, 'a', 100, { receivedAt: daysAgo(10) });
    const { text, html } = await theEmail();
    expect(text).toContain('Reason: it says: issue a\n');
    const [, today, week] =
      /Today \(UTC\) so far\s+about (\S+) \(± \d+\) events[\s\S]*Last 7 days\s+about (\S+) \(± \d+\) events/.exec(
        text,
      ) ?? [];
    // Five standard errors.
    expect(Math.abs(Number(today) / 400 - 1)).toBeLessThan(0.115);
    expect(Math.abs(Number(week?.replace(',', '')) / 1_200 - 1)).toBeLessThan(0.115);
    expect(text).toMatch(/Events a day {10}···[▁▂]······█··[▄▅] /);
    expect(readHtml(html ?? '').text).toMatch(/about [\d,]+ \(± \d+\)/);
  });

  it('says how the issue grows by the hour, since when it is known, and which releases and users it affects', async () => {
    const tags = { release: '141.0', environment: 'nightly', browser: 'Firefox 141', os: 'Linux' };
    const older = { ...tags, release: '140.0', browser: 'Firefox 140' };
    const { text, html } = await withinAnHour(async (hour) => {
      const at = (hours: number) => firstHour(hour, hours);
      await emptyTables(pool);
      await happen(pool, 'a', 2, { receivedAt: at(24 * 3), tags: older });
      await happen(pool, 'a', 6, { receivedAt: at(25), tags: older });
      await happen(pool, 'a', 30, { receivedAt: at(1), tags });
      await happen(pool, 'a', 4, { receivedAt: at(0), tags });
      return await theEmail();
    });
    for (const body of [text, readHtml(html ?? '').text].map((each) => each.replace(/\s+/g, ' '))) {
      expect(body).toContain('KNOWN SINCE');
      expect(body).toMatch(/Since \d\d:00 UTC 4 (events, )?4/);
      expect(body).toMatch(/\d\d:00 to \d\d:00 30 (events, )?30/);
      expect(body).toMatch(/Same hour yesterday 6 (events, )?6/);
      expect(body).toContain(', in release 140.0');
      expect(body).toContain('Release 141.0 (81 %), 140.0 (19 %)');
      expect(body).toContain('Environment nightly');
      expect(body).toContain('Browser Firefox 141 (81 %), Firefox 140 (19 %)');
      expect(body).toContain('OS Linux');
      expect(body).not.toContain('Last seen');
    }
    expect(text).toMatch(/Events an hour {8}·{22}█[▁▂] /);
  });

  it('says that the issue is back after a quiet time', async () => {
    await happen(pool, 'a', 2, { receivedAt: daysAgo(12) });
    await happen(pool, 'a', 1);
    expect((await theEmail()).text).toContain('BACK AFTER 12 DAYS');
  });

  it('is of the trigger’s own template, with the HTML next to it', async () => {
    await receive({ title: '<i>x</i>' });
    const { text, html } = await theEmail(
      `{ name: 'Own', emails: ['${ON_CALL}'], template: 'mine', evaluate: () => ({ notify: true, because: 'a & b' }) }`,
      {
        'mine.txt.eta': '<%= it.alert.issue.message %> | <%= it.alert.because %>',
        'mine.html.eta': '<p><%= it.untrusted(it.alert.issue.message) %> | <%= it.alert.because %></p>',
      },
    );
    expect(text.trim()).toBe('<i>x</i> | a & b');
    expect(html?.trim()).toBe('<p>&lt;i&gt;x&lt;/<wbr>i&gt; | a &amp; b</p>');
  });

  it('is missing for the one issue whose subject fails, and evaluated again', async () => {
    await happen(pool, 'good', 1);
    await happen(pool, 'bad', 1);
    const file = await triggerFile(`{
      name: 'Half', emails: ['${ON_CALL}'],
      subject: ({ issue }) => { if (issue.message === 'issue bad') throw new Error('no words'); return issue.message; },
      evaluate: () => ({ notify: true, because: 'always' }),
    }`);
    const { finished, emails } = await watchOnce(database, { TRIGGERS: file });
    expect(finished.code).toBe(1);
    expect(emails.map(({ subject }) => subject)).toEqual(['issue good']);
    const { rows } = await pool.query('SELECT trigger, attempts, last_error FROM failed_evaluations');
    expect(rows).toEqual([{ trigger: 'Half', attempts: 1, last_error: expect.stringContaining('no words') }]);
  });
});

describe('an alert on the console', () => {
  it('shows the recipient, the subject and the body, indented, and nothing that moves the terminal', async () => {
    await receive({ title: 'red \u001b[31m and \u202egnp' });
    const { finished, emails } = await watchOnce(
      database,
      { ...ENV, TRIGGERS: await triggerFile(EVERY), LOG_FORMAT: 'mozlog' },
      ['--console-alerts'],
    );
    expect(emails).toEqual([]);
    expect(finished.stdout).toContain(
      `To: ${ON_CALL}\nSubject: red [31m and gnp · Every [Firefox Browser Errors]\n\n    red [31m and gnp\n    Also: TypeError: x is undefined\n\n    Reason: it says: red`,
    );
    expect(finished.stdout).toContain('\n      at render(app:20:7)\n      at main(app:10:7)\n');
    expect(finished.stdout).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
  });
});
