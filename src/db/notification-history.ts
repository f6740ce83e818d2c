import type { LastNotified } from '../domain/alert.ts';
import type { Db } from './pool.ts';
import type { Pair } from './recipients.ts';

/** An alert about an issue, as the outbox has it. */
export interface PastAlert {
  readonly createdAt: Date;
  readonly trigger: string;
  readonly email: string;
  readonly because: string;
  readonly status: 'pending' | 'sent' | 'failed' | 'bounced';
  readonly attempts: number;
  readonly lastError: string | null;
  readonly sentAt: Date | null;
  /** Null unless the email bounced. */
  readonly bouncedAt: Date | null;
  /** Null if SES has not accepted the email. */
  readonly sesMessageId: string | null;
}

/** A notification whose alert is no longer stored. */
export interface ForgottenAlert {
  readonly email: string;
  /** Null for a notification from before triggers were recorded. */
  readonly trigger: string | null;
  /** When the last one was decided; null if that is not known. */
  readonly at: Date | null;
}

export interface Listed<T> {
  readonly listed: readonly T[];
  /** Number of further ones that are not listed. */
  readonly more: number;
}

/** The alerts about an issue, the newest first. */
export async function alertsAbout(db: Db, issueId: string, limit: number): Promise<Listed<PastAlert>> {
  const { rows } = await db.query<PastAlert & { total: number }>({
    text: `SELECT created_at AS "createdAt", trigger, email, because, status, attempts, last_error AS "lastError",
                  sent_at AS "sentAt", bounced_at AS "bouncedAt", ses_message_id AS "sesMessageId",
                  count(*) OVER ()::float8 AS total
           FROM alerts JOIN recipients ON recipients.id = recipient_id
           WHERE issue_id = $1 ORDER BY alerts.id DESC LIMIT $2`,
    values: [issueId, limit],
  });
  return listedOf(rows);
}

/**
 * The notifications of an issue that no stored alert shows: of each recipient and trigger, the latest first. The time of
 * a trigger's last alert is stored since an update. Before it, `last_notified` is the time if only one trigger can have
 * set it.
 */
export async function forgottenAlerts(
  db: Db,
  issueId: string,
  limit: number,
): Promise<Listed<ForgottenAlert>> {
  const stored =
    'FROM alerts WHERE alerts.issue_id = known.issue_id AND alerts.recipient_id = known.recipient_id';
  const { rows } = await db.query<ForgottenAlert & { total: number }>({
    text: `SELECT email, name AS trigger,
                  coalesce((last_alerts -> name ->> 'at')::timestamptz,
                           CASE WHEN cardinality(triggers) <= 1 AND NOT EXISTS (SELECT ${stored}) THEN last_notified END) AS at,
                  count(*) OVER ()::float8 AS total
           FROM recipient_issues AS known JOIN recipients ON recipients.id = recipient_id
           LEFT JOIN LATERAL unnest(triggers) AS by_trigger (name) ON true
           WHERE issue_id = $1 AND NOT EXISTS (SELECT ${stored} AND (name IS NULL OR alerts.trigger = name))
           ORDER BY at DESC NULLS LAST, email, name LIMIT $2`,
    values: [issueId, limit],
  });
  return listedOf(rows);
}

/** Earlier alerts to a recipient about an issue: the time of the last run with any, and its triggers. */
export async function lastNotifications(
  db: Db,
  pairs: readonly Pair[],
): Promise<readonly (LastNotified | null)[]> {
  if (pairs.length === 0) return [];
  const { rows } = await db.query<{ at: Date | null; triggers: readonly string[] }>({
    text: `SELECT last_notified AS at,
                  coalesce((SELECT array_agg(name ORDER BY name) FROM jsonb_each(last_alerts) AS last (name, alert)
                            WHERE (alert ->> 'at')::timestamptz = last_notified),
                           CASE WHEN cardinality(triggers) = 1 THEN triggers ELSE '{}' END) AS triggers
           FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS asked (recipient_id, issue_id, place)
           LEFT JOIN recipient_issues USING (recipient_id, issue_id)
           ORDER BY place`,
    values: [pairs.map(({ recipientId }) => recipientId), pairs.map(({ issueId }) => issueId)],
  });
  return rows.map(({ at, triggers }) => (at === null ? null : { at, triggers }));
}

function listedOf<T>(rows: readonly (T & { readonly total: number })[]): Listed<T> {
  const total = rows[0]?.total ?? 0;
  return { listed: rows.map(({ total: _, ...row }) => row as T), more: total - rows.length };
}
