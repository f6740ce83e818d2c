/** The same for all spellings of an address: written in capitals or not, it is one recipient. */
export function emailKey(email: string): string {
  return email.toLowerCase();
}

/** Each address once, in its first spelling. */
export function distinctEmails(emails: readonly string[]): string[] {
  const byKey = new Map<string, string>();
  for (const email of emails) {
    if (!byKey.has(emailKey(email))) byKey.set(emailKey(email), email);
  }
  return [...byKey.values()];
}

/** The sender or a recipient of an email. */
export interface Mailbox {
  /** Empty for an address without a name. */
  readonly name: string;
  readonly address: string;
}

/** The part after the last `@`. */
export function emailDomain(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
