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
