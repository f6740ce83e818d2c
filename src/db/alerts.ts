import type { Alert } from '../domain/alert.ts';
import type { Db } from './pool.ts';

export interface NewAlert {
  readonly trigger: string;
  readonly recipientId: string;
  readonly issueId: string;
  readonly because: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
}

/** Writes alerts into the outbox, in the order decided. */
export async function insertAlerts(db: Db, runId: string, alerts: readonly NewAlert[]): Promise<void> {
  if (alerts.length === 0) return;
  const column = <K extends keyof NewAlert>(key: K) => alerts.map((alert) => alert[key]);
  await db.query({
    text: `INSERT INTO alerts (run_id, trigger, recipient_id, issue_id, because, subject, body_text, body_html)
           SELECT $1, trigger, recipient_id, issue_id, because, subject, body_text, body_html
           FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[])
             WITH ORDINALITY
             AS new (trigger, recipient_id, issue_id, because, subject, body_text, body_html, place)
           ORDER BY place`,
    values: [
      runId,
      column('trigger'),
      column('recipientId'),
      column('issueId'),
      column('because'),
      column('subject'),
      column('text'),
      column('html'),
    ],
  });
}

interface AlertRow {
  readonly id: string;
  readonly trigger: string;
  readonly email: string;
  readonly subject: string;
  readonly body_text: string;
  readonly body_html: string | null;
  readonly attempts: number;
}

const SELECT_ALERT = `SELECT alerts.id, trigger, email, subject, body_text, body_html, attempts
                      FROM alerts JOIN recipients ON recipients.id = recipient_id`;

/** Alerts whose next attempt is due, in the order decided. */
export async function dueAlerts(db: Db, limit: number): Promise<Alert[]> {
  const { rows } = await db.query<AlertRow>({
    text: `${SELECT_ALERT} WHERE status = 'pending' AND next_attempt_at <= clock_timestamp() ORDER BY alerts.id LIMIT $1`,
    values: [limit],
  });
  return rows.map(toAlert);
}

/** A run's alerts after `afterId`, in the order decided. */
export async function alertsOfRun(db: Db, runId: string, afterId: string, limit: number): Promise<Alert[]> {
  const { rows } = await db.query<AlertRow>({
    text: `${SELECT_ALERT} WHERE run_id = $1 AND alerts.id > $2 ORDER BY alerts.id LIMIT $3`,
    values: [runId, afterId, limit],
  });
  return rows.map(toAlert);
}

export async function markSent(db: Db, id: string, sesMessageId: string | null): Promise<void> {
  await db.query({
    text: `UPDATE alerts SET status = 'sent', sent_at = clock_timestamp(), ses_message_id = $2,
                  attempts = attempts + 1, last_error = NULL
           WHERE id = $1`,
    values: [id, sesMessageId],
  });
}

/** Puts the alert off; it stays pending. */
export async function markDeferred(db: Db, id: string, error: string, milliseconds: number): Promise<void> {
  await db.query({
    text: `UPDATE alerts SET attempts = attempts + 1, last_error = $2,
                  next_attempt_at = clock_timestamp() + $3 * interval '1 millisecond'
           WHERE id = $1`,
    values: [id, error, milliseconds],
  });
}

/** Gives the alert up: trying again can't help. */
export async function markFailed(db: Db, id: string, error: string): Promise<void> {
  await db.query({
    text: `UPDATE alerts SET status = 'failed', attempts = attempts + 1, last_error = $2 WHERE id = $1`,
    values: [id, error],
  });
}

function toAlert(row: AlertRow): Alert {
  return {
    id: row.id,
    trigger: row.trigger,
    to: row.email,
    subject: row.subject,
    text: row.body_text,
    html: row.body_html,
    attempts: row.attempts,
  };
}
