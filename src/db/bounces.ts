import type { Db } from './pool.ts';

/** The ids that identify an alert in the log. */
export interface AlertIds {
  readonly id: string;
  readonly runId: string;
  readonly trigger: string;
  /** Sentry's id of the issue. */
  readonly groupId: string;
}

/** The alerts that one email delivered. */
export interface EmailAlerts {
  /** False if no alert has this SES message id. */
  readonly known: boolean;
  /** Those that this call marked. Empty if they were marked before. */
  readonly marked: readonly AlertIds[];
}

/**
 * Marks all alerts of the email as bounced, if they are marked as sent. If the same bounce arrives twice, even at the same
 * time, only one call marks them.
 * @param reason must be storable
 */
export async function markBounced(db: Db, sesMessageId: string, reason: string): Promise<EmailAlerts> {
  const { rows } = await db.query<AlertIds & { marked: boolean }>({
    text: `WITH email AS (
             SELECT id, run_id, trigger, issue_id FROM alerts WHERE ses_message_id = $1 ORDER BY id FOR UPDATE
           ), marked AS (
             UPDATE alerts SET status = 'bounced', bounced_at = clock_timestamp(), last_error = $2
             FROM email WHERE alerts.id = email.id AND status = 'sent'
             RETURNING alerts.id
           )
           SELECT email.id, run_id AS "runId", trigger, group_id AS "groupId",
                  email.id IN (SELECT id FROM marked) AS marked
           FROM email JOIN issues ON issues.id = issue_id ORDER BY email.id`,
    values: [sesMessageId, reason],
  });
  return { known: rows.length > 0, marked: rows.filter(({ marked }) => marked).map(idsOf) };
}

/** The alerts that the email delivered. */
export async function alertsOfEmail(db: Db, sesMessageId: string): Promise<AlertIds[]> {
  const { rows } = await db.query<AlertIds>({
    text: `SELECT alerts.id, run_id AS "runId", trigger, group_id AS "groupId"
           FROM alerts JOIN issues ON issues.id = issue_id WHERE ses_message_id = $1 ORDER BY alerts.id`,
    values: [sesMessageId],
  });
  return rows;
}

/** A bounced alert, for a list. The reason is written by a mail server, so it is untrusted. */
export interface BouncedAlert {
  readonly email: string;
  readonly trigger: string;
  readonly bouncedAt: Date;
  readonly reason: string;
}

/** The bounced alerts, the latest first. */
export async function latestBounced(db: Db, limit: number): Promise<BouncedAlert[]> {
  const { rows } = await db.query<BouncedAlert>({
    text: `SELECT email, trigger, coalesce(bounced_at, created_at) AS "bouncedAt", coalesce(last_error, '') AS reason
           FROM alerts JOIN recipients ON recipients.id = recipient_id
           WHERE status = 'bounced' ORDER BY "bouncedAt" DESC, alerts.id DESC LIMIT $1`,
    values: [limit],
  });
  return rows;
}

function idsOf({ id, runId, trigger, groupId }: AlertIds): AlertIds {
  return { id, runId, trigger, groupId };
}
