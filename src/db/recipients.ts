import type { Recipient } from '../domain/trigger.ts';
import type { Db } from './pool.ts';

/** Returns the recipient of each address, and creates it if the address is new. */
export async function ensureRecipients(db: Db, emails: readonly string[]): Promise<Map<string, Recipient>> {
  if (emails.length === 0) return new Map();
  await db.query({
    text: `INSERT INTO recipients (email) SELECT DISTINCT unnest($1::text[]) ON CONFLICT (email) DO NOTHING`,
    values: [emails],
  });
  const { rows } = await db.query<Recipient>({
    text: 'SELECT id, email FROM recipients WHERE email = ANY($1::text[])',
    values: [emails],
  });
  return new Map(rows.map((row) => [row.email, row]));
}

export interface Notification {
  readonly recipientId: string;
  readonly issueId: string;
}

/** When the recipient of each pair was last notified about its issue, in the order of the pairs; null for never. */
export async function lastNotified(db: Db, pairs: readonly Notification[]): Promise<(Date | null)[]> {
  const { rows } = await db.query<{ last_notified: Date | null }>({
    text: `SELECT last_notified
           FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS asked (recipient_id, issue_id, place)
           LEFT JOIN recipient_issues USING (recipient_id, issue_id)
           ORDER BY place`,
    values: columns(pairs),
  });
  return rows.map((row) => row.last_notified);
}

export async function recordNotified(db: Db, pairs: readonly Notification[], at: Date): Promise<void> {
  if (pairs.length === 0) return;
  await db.query({
    text: `INSERT INTO recipient_issues (recipient_id, issue_id, last_notified)
           SELECT DISTINCT recipient_id, issue_id, $3::timestamptz
           FROM unnest($1::bigint[], $2::bigint[]) AS notified (recipient_id, issue_id)
           ON CONFLICT (recipient_id, issue_id) DO UPDATE SET last_notified = excluded.last_notified`,
    values: [...columns(pairs), at],
  });
}

function columns(pairs: readonly Notification[]): [string[], string[]] {
  return [pairs.map((pair) => pair.recipientId), pairs.map((pair) => pair.issueId)];
}
