import { expect, it } from 'vitest';
import { createConsoleMailer } from '../../../src/mail/console.ts';

it('prints the recipient, the subject and the body, indented, and not the HTML', async () => {
  const printed: string[] = [];
  const mailer = createConsoleMailer((text) => printed.push(text));
  const email = {
    to: 'someone@example.com',
    subject: 'A subject',
    text: 'first\n\n  third\n\n',
    html: '<p>first</p>',
    messageId: '0b8c6a1e-0000-4000-8000-000000000001',
    thread: null,
    alert: null,
  };
  expect(await mailer.send(email, new AbortController().signal)).toBeNull();
  expect(printed.join('')).toBe(
    'To: someone@example.com\nSubject: A subject\n\n    first\n\n      third\n\n',
  );
});
