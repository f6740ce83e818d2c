import addressparser from 'nodemailer/lib/addressparser';
import { z } from 'zod';
import type { Mailbox } from '../domain/email.ts';
import { isEmail } from './is-email.ts';

const MAX_NAME = 100;

/** A sender: `alerts@example.com` or `Browser alerts <alerts@example.com>`. */
export const mailbox = z
  .string()
  .trim()
  .transform((value, context): Mailbox => {
    const parsed = mailboxOf(value);
    if (parsed !== null) return parsed;
    const message = `must be an ASCII email address, or a name of at most ${MAX_NAME} characters with one: Browser alerts <alerts@example.com>`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

/** The parser of addresses accepts comments, lists and groups too, which no sender needs. */
function mailboxOf(value: string): Mailbox | null {
  if (isEmail(value)) return { name: '', address: value };
  const [parsed, ...more] = addressparser(value);
  if (parsed?.address === undefined || more.length > 0 || !isEmail(parsed.address)) return null;
  const { name, address } = parsed;
  if (
    !value.endsWith(`<${address}>`) ||
    name.length > MAX_NAME ||
    /[\p{Cc}\p{Cf}<>]/u.test(value.slice(0, -address.length - 2))
  )
    return null;
  return { name, address };
}
