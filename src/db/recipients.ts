import { emailKey } from '../domain/email.ts';
import type { LastAlert, Recipient } from '../domain/trigger.ts';
import type { Db } from './pool.ts';

/**
 * Returns the recipient of each address, and creates it if the address is new. Spelled in capitals or not, an address is one
 * recipient. Its first spelling is stored.
 */
export async function ensureRecipients(db: Db, emails: readonly string[]): Promise<Map<string, Recipient>> {
  if (emails.length === 0) return new Map();
  await db.query({
    text: `INSERT INTO recipients (email)
           SELECT DISTINCT ON (lower(given)) given FROM unnest($1::text[]) WITH ORDINALITY AS asked (given, place)
           WHERE NOT EXISTS (SELECT FROM recipients WHERE lower(email) = lower(given))
           ORDER BY lower(given), place ON CONFLICT (email) DO NOTHING`,
    values: [emails],
  });
  return await knownRecipients(db, emails);
}

/** By the address as it was asked for. Of two stored spellings, the older one counts. */
async function knownRecipients(db: Db, emails: readonly string[]): Promise<Map<string, Recipient>> {
  const { rows } = await db.query<Recipient & { asked: string }>({
    text: `SELECT DISTINCT ON (asked) asked, id, email FROM unnest($1::text[]) AS asked
           JOIN recipients ON lower(email) = lower(asked) ORDER BY asked, id`,
    values: [emails],
  });
  return new Map(rows.map(({ asked, id, email }) => [asked, { id, email }]));
}

/**
 * Returns the recipient of each address without storing new ones. An address that is not stored yet gets a made-up id that
 * no row has.
 */
export async function findRecipients(db: Db, emails: readonly string[]): Promise<Map<string, Recipient>> {
  const recipients = await knownRecipients(db, emails);
  const madeUp = new Map<string, Recipient>();
  for (const email of emails) {
    const key = emailKey(email);
    const recipient = recipients.get(email) ?? madeUp.get(key) ?? { id: String(-madeUp.size - 1), email };
    if (!recipients.has(email)) madeUp.set(key, recipient);
    recipients.set(email, recipient);
  }
  return recipients;
}

/** A recipient and an issue. */
export interface Pair {
  readonly recipientId: string;
  readonly issueId: string;
}

/** Earlier alerts to a recipient about an issue. */
export interface Notified {
  /** When any trigger last notified the recipient; null for never. */
  readonly lastNotified: Date | null;
  /** Whether the trigger in question ever did. */
  readonly byThisTrigger: boolean;
  /** The last alert of the trigger in question; null if it is not known. */
  readonly lastAlert: LastAlert | null;
}

interface NotifiedRow extends Omit<Notified, 'lastAlert'> {
  readonly lastAlert: { readonly at: string; readonly events: number; readonly users: number } | null;
}

/** The pairs' notifications in the order asked. @param trigger the name of the one in question */
export async function notifications(db: Db, pairs: readonly Pair[], trigger: string): Promise<Notified[]> {
  const { rows } = await db.query<NotifiedRow>({
    text: `SELECT last_notified AS "lastNotified", coalesce($3 = ANY(triggers), false) AS "byThisTrigger",
                  last_alerts -> $3 AS "lastAlert"
           FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS asked (recipient_id, issue_id, place)
           LEFT JOIN recipient_issues USING (recipient_id, issue_id)
           ORDER BY place`,
    values: [...columns(pairs), trigger],
  });
  return rows.map(({ lastAlert, ...row }) => ({
    ...row,
    lastAlert:
      lastAlert === null
        ? null
        : { at: new Date(lastAlert.at), events: lastAlert.events, users: lastAlert.users },
  }));
}

/** A trigger's last alert to a recipient about an issue; without counts if it isn't known which they were. */
export interface EarlierAlert extends Pair {
  readonly trigger: string | null;
  readonly at: Date;
  readonly events: number | null;
  readonly users: number | null;
}

/**
 * The last alert of each trigger to these recipients before an instant. A later notification replaced the remembered one.
 * Then the alerts come from the outbox, as far as they are still stored.
 */
export async function alertsBefore(
  db: Db,
  recipientIds: readonly string[],
  before: Date,
): Promise<EarlierAlert[]> {
  const { rows } = await db.query<EarlierAlert>({
    text: `SELECT recipient_id AS "recipientId", issue_id AS "issueId", trigger, coalesce((alert ->> 'at')::timestamptz, last_notified) AS at,
                  (alert ->> 'events')::float8 AS events, (alert ->> 'users')::float8 AS users
           FROM recipient_issues
           LEFT JOIN LATERAL unnest(triggers) AS trigger ON true
           LEFT JOIN LATERAL (SELECT last_alerts -> trigger AS alert) AS last ON true
           WHERE recipient_id = ANY($1::bigint[]) AND coalesce((alert ->> 'at')::timestamptz, last_notified) < $2::timestamptz
           UNION ALL
           (SELECT DISTINCT ON (recipient_id, issue_id, trigger) recipient_id, issue_id, trigger, created_at,
                  events::float8, users::float8
           FROM alerts JOIN recipient_issues USING (recipient_id, issue_id)
           WHERE recipient_id = ANY($1::bigint[]) AND last_notified >= $2::timestamptz AND created_at < $2::timestamptz
           ORDER BY recipient_id, issue_id, trigger, created_at DESC)`,
    values: [recipientIds, before.toISOString()],
  });
  return rows;
}

/** An alert to a recipient about an issue, with the issue's counts over seven days. */
export interface NotifiedPair extends Pair {
  readonly events: number;
  readonly users: number;
}

/** Records that a trigger notified recipients of issues. Its name is kept once, however often it notifies. */
export async function recordNotified(
  db: Db,
  alerts: readonly NotifiedPair[],
  trigger: string,
  at: Date,
): Promise<void> {
  if (alerts.length === 0) return;
  await db.query({
    text: `INSERT INTO recipient_issues AS known (recipient_id, issue_id, last_notified, triggers, last_alerts)
           SELECT DISTINCT ON (recipient_id, issue_id) recipient_id, issue_id, $4::timestamptz, ARRAY[$3],
                  jsonb_build_object($3::text, jsonb_build_object('at', $5::text, 'events', events, 'users', users))
           FROM unnest($1::bigint[], $2::bigint[], $6::bigint[], $7::bigint[]) AS notified (recipient_id, issue_id, events, users)
           ON CONFLICT (recipient_id, issue_id) DO UPDATE SET
             last_notified = excluded.last_notified,
             triggers = CASE WHEN $3 = ANY(known.triggers) THEN known.triggers ELSE known.triggers || excluded.triggers END,
             last_alerts = known.last_alerts || excluded.last_alerts`,
    values: [
      ...columns(alerts),
      trigger,
      at,
      at.toISOString(),
      alerts.map(({ events }) => events),
      alerts.map(({ users }) => users),
    ],
  });
}

function columns(pairs: readonly Pair[]): [string[], string[]] {
  return [pairs.map((pair) => pair.recipientId), pairs.map((pair) => pair.issueId)];
}
