import type { Email as Parsed } from 'postal-mime';
import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import type { Mailbox } from '../../../src/domain/email.ts';
import type { Email } from '../../../src/mail/mailer.ts';
import { rawEmail } from '../../../src/mail/raw-email.ts';

const FROM: Mailbox = { name: 'Störungen, Firefox', address: 'alerts@mail.example.com' };
const EMAIL: Email = {
  to: 'oncall@example.com',
  subject: 'TypeError: größe is undefined · Spike [Firefox Browser Errors]',
  text: 'Reason: überall\n\n.\nFrom the start\n',
  html: '<p>überall</p>',
  messageId: '0b8c6a1e-0000-4000-8000-000000000001',
  thread: 'first',
  alert: { trigger: 'Spike', groupId: '4200001' },
};

const raw = async (overrides: Partial<Email> = {}, from = FROM) =>
  (await rawEmail({ ...EMAIL, ...overrides }, from, 'us-west-2')).toString();
const parsed = async (overrides: Partial<Email> = {}, from = FROM): Promise<Parsed> =>
  await PostalMime.parse(await raw(overrides, from));
const header = (email: Parsed, key: string) =>
  email.headers.filter((one) => one.key === key).map(({ value }) => value);

/** The lines of a header section, with folded lines put together. */
const headerLines = (source: string) =>
  source
    .slice(0, source.indexOf('\r\n\r\n'))
    .replace(/\r\n(?=[ \t])/g, '')
    .split('\r\n');

const NAMES = [
  'X-Bec-Alerts-Trigger',
  'X-Bec-Alerts-Issue',
  'List-ID',
  'Auto-Submitted',
  'X-Auto-Response-Suppress',
  'From',
  'To',
  'References',
  'Subject',
  'Message-ID',
  'Date',
  'MIME-Version',
  'Content-Type',
].toSorted();

describe('an email as it travels', () => {
  it('is read by a parser as it was written', async () => {
    const email = await parsed();
    expect(email).toMatchObject({
      from: FROM,
      to: [{ name: '', address: EMAIL.to }],
      subject: EMAIL.subject,
      messageId: `<${EMAIL.messageId}@mail.example.com>`,
    });
    expect(email.text?.trimEnd()).toBe(EMAIL.text.trimEnd());
    expect(email.html?.trim()).toBe(EMAIL.html);
    expect(Math.abs(Date.parse(email.date ?? '') - Date.now())).toBeLessThan(3_600_000);
  });

  it('is of 7-bit characters in lines of at most 76, whatever it says', async () => {
    const long = 'ü'.repeat(2_000);
    const source = await raw({ subject: long, text: `${long}\n${'x'.repeat(5_000)}`, html: long });
    expect(/^[\x20-\x7e\r\n\t]+$/.test(source)).toBe(true);
    expect(source.split('\r\n').filter((line) => line.length > 76)).toEqual([]);
    expect(/[\r\n]/.test(source.replaceAll('\r\n', ''))).toBe(false);
  });

  it('is sent by a program to a list, and asks for no automatic reply', async () => {
    const email = await parsed();
    expect(header(email, 'auto-submitted')).toEqual(['auto-generated']);
    expect(header(email, 'x-auto-response-suppress')).toEqual(['All']);
    expect(header(email, 'list-id')).toEqual(['bec-alerts <bec-alerts.mail.example.com>']);
  });

  it('names the trigger and the issue for filters, and nothing in an email about several alerts', async () => {
    const email = await parsed();
    expect(header(email, 'x-bec-alerts-trigger')).toEqual(['Spike']);
    expect(header(email, 'x-bec-alerts-issue')).toEqual(['4200001']);
    expect(await raw({ alert: null })).not.toContain('X-Bec-Alerts');
  });

  it('of text alone has no HTML part', async () => {
    const email = await parsed({ html: null });
    expect(email.html).toBeUndefined();
    expect(email.text?.trimEnd()).toBe(EMAIL.text.trimEnd());
  });

  it('of 7 MB stays below the 10 MB that SES accepts, even if no character is of ASCII', async () => {
    const source = await raw({ text: 'ü'.repeat(1_000_000), html: 'ü'.repeat(2_500_000) });
    expect(source.length).toBeLessThan(10_000_000);
    expect((await PostalMime.parse(source)).text).toContain('ü'.repeat(1_000_000));
  });
});

describe('a thread', () => {
  const THREAD = `<thread.${EMAIL.messageId}@mail.example.com>`;

  it('begins with an email that refers to the thread, and replies to nothing', async () => {
    const email = await parsed();
    expect(email.references).toBe(THREAD);
    expect(email.inReplyTo).toBeUndefined();
  });

  it('continues with emails that refer to all that the first may be called, and reply to the last of them', async () => {
    const email = await parsed({ thread: { messageId: '1', sesMessageId: '0100-a' } });
    expect(email.references).toBe(
      '<thread.1@mail.example.com> <1@mail.example.com> <0100-a@us-west-2.amazonses.com>',
    );
    expect(email.inReplyTo).toBe('<0100-a@us-west-2.amazonses.com>');
  });

  it('has no email about several alerts', async () => {
    const email = await parsed({ thread: null });
    expect(email.references).toBeUndefined();
    expect(email.inReplyTo).toBeUndefined();
  });
});

describe('hostile text', () => {
  const HARM: Readonly<Record<string, string>> = {
    'a header after CRLF': 'x\r\nBcc: victim@example.com\r\nX-Evil: 1',
    'a header after LF': 'x\nBcc: victim@example.com',
    'a header after CR': 'x\rBcc: victim@example.com',
    'a body after headers': 'x\r\n\r\n<script>alert(1)</script>',
    'separators of Unicode': 'x\u2028Bcc: victim@example.com\u2029\u0085Bcc: v@example.com',
    'an encoded word': '=?utf-8?q?x=0D=0ABcc:_victim@example.com?=',
    'a NUL and a lone surrogate': 'x\0Bcc: victim@example.com\ud800',
    'an end of a part': 'x\r\n----_NmP--\r\nContent-Type: text/html',
    'other addresses': 'x" <victim@example.com>, y <z@example.com>; (comment',
    'endless text': `${'long '.repeat(500)}${'x'.repeat(5_000)}`,
  };
  const FIELDS: Readonly<Record<string, (harm: string) => [Partial<Email>, Mailbox]>> = {
    subject: (subject) => [{ subject }, FROM],
    'trigger’s name': (trigger) => [{ alert: { trigger, groupId: '1' } }, FROM],
    'issue’s id': (groupId) => [{ alert: { trigger: 'Spike', groupId } }, FROM],
    'sender’s name': (name) => [{}, { name, address: FROM.address }],
    text: (text) => [{ text }, FROM],
    HTML: (html) => [{ html }, FROM],
  };

  describe.each(Object.keys(FIELDS))('in the %s', (field) => {
    it.each(Object.keys(HARM))('adds no header, recipient or part: %s', async (name) => {
      const [overrides, from] = FIELDS[field]?.(HARM[name] ?? '') ?? [{}, FROM];
      const source = await raw(overrides, from);
      const lines = headerLines(source);
      expect(lines.map((line) => line.slice(0, line.indexOf(':'))).toSorted()).toEqual(NAMES);
      const email = await PostalMime.parse(source);
      expect(email.to).toEqual([{ name: '', address: EMAIL.to }]);
      expect(email.from?.address).toBe(FROM.address);
      expect([email.cc, email.bcc]).toEqual([undefined, undefined]);
      expect(email.attachments).toEqual([]);
    });
  });
});
