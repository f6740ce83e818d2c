import type { Mailbox } from '../domain/email.ts';
import { emailDomain } from '../domain/email.ts';
import type { Email } from './mailer.ts';

/** Longer bodies are base64, which makes any text a third longer. Quoted-printable can make it three times as long. */
const MAX_QUOTED_PRINTABLE = 500_000;

/**
 * The email as it travels, in RFC 5322's format. The composer encodes and folds each header, so that no text can add another
 * one.
 */
export async function rawEmail(email: Email, from: Mailbox, region: string): Promise<Buffer> {
  // Loaded with the first email, because it takes 60 ms of CPU and most runs of a watcher send none.
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const { alert } = email;
  const domain = emailDomain(from.address);
  const size = Buffer.byteLength(email.text) + Buffer.byteLength(email.html ?? '');
  const message = new MailComposer({
    from: { ...from },
    to: { name: '', address: email.to },
    subject: email.subject,
    date: new Date(),
    messageId: `<${email.messageId}@${domain}>`,
    ...threadHeaders(email, domain, region),
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

/**
 * All emails of a thread refer to its id, the first one too: SES replaces the Message-ID, but leaves this one as it is. The
 * later ones also refer to both names of the first.
 */
function threadHeaders({ thread, messageId }: Email, domain: string, region: string) {
  if (thread === null) return {};
  const first = thread === 'first' ? messageId : thread.messageId;
  const references = [`<thread.${first}@${domain}>`];
  if (thread === 'first') return { references };
  references.push(`<${first}@${domain}>`);
  if (thread.sesMessageId !== null) references.push(`<${sesHeader(thread.sesMessageId, region)}>`);
  return { references, inReplyTo: references.at(-1) ?? '' };
}

/**
 * The Message-ID by which SES replaces the one that we gave.
 * https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
 */
function sesHeader(id: string, region: string): string {
  return `${id}@${region === 'us-east-1' ? 'email' : region}.amazonses.com`;
}
