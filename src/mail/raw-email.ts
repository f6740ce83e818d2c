import MailComposer from 'nodemailer/lib/mail-composer';
import type { Mailbox } from '../domain/email.ts';
import { emailDomain } from '../domain/email.ts';
import type { Email } from './mailer.ts';

/** Longer bodies are base64, which makes any text a third longer. Quoted-printable can make it three times as long. */
const MAX_QUOTED_PRINTABLE = 500_000;

/**
 * The email as it travels, in RFC 5322's format. The composer encodes and folds each header, so that no text can add another
 * one.
 */
export async function rawEmail(email: Email, from: Mailbox): Promise<Buffer> {
  const { references, alert } = email;
  const domain = emailDomain(from.address);
  const size = Buffer.byteLength(email.text) + Buffer.byteLength(email.html ?? '');
  const message = new MailComposer({
    from: { ...from },
    to: { name: '', address: email.to },
    subject: email.subject,
    date: new Date(),
    messageId: `<${messageId(email, from)}>`,
    ...(references === null
      ? {}
      : threadHeaders(references.length > 0 ? references : [threadId(email, from)])),
    headers: {
      'List-Id': `bec-alerts <bec-alerts.${domain}>`,
      // RFC 3834, and the same for Exchange: no out-of-office reply to an alert.
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      ...(alert === null
        ? {}
        : { 'X-Bec-Alerts-Trigger': alert.trigger, 'X-Bec-Alerts-Issue': alert.groupId }),
    },
    text: email.text,
    ...(email.html === null ? {} : { html: email.html }),
    textEncoding: size > MAX_QUOTED_PRINTABLE ? 'base64' : 'quoted-printable',
    // SMTP's line ends, in the bodies too.
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return await message.compile().build();
}

/** The Message-ID, without its angle brackets. */
export function messageId(email: Email, from: Mailbox): string {
  return `${email.messageId}@${emailDomain(from.address)}`;
}

/**
 * The id that all emails of a thread refer to, the first one too. SES replaces the Message-ID by its own, but leaves this
 * one as it is.
 */
export function threadId(email: Email, from: Mailbox): string {
  return `thread.${messageId(email, from)}`;
}

function threadHeaders(references: readonly string[]) {
  const headers = { references: references.map((id) => `<${id}>`) };
  // The first email of a thread has only the thread's id, and replies to nothing.
  return references.length > 1 ? { ...headers, inReplyTo: `<${references.at(-1)}>` } : headers;
}
