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
  };
  expect(await mailer.send(email, new AbortController().signal)).toBeNull();
  expect(printed.join('')).toBe(
    'To: someone@example.com\nSubject: A subject\n\n    first\n\n      third\n\n',
  );
});
