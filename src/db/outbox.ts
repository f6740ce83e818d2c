import type { Bundle } from '../domain/alert.ts';
import type { StackFrame } from '../domain/issue.ts';
import { orDatabaseError } from './errors.ts';
import type { Db } from './pool.ts';

/** An alert that a run decided to send. */
export interface NewAlert {
  readonly trigger: string;
  readonly recipientId: string;
  readonly issueId: string;
  readonly because: string;
  readonly subject: string;
  /** Empty for a bundled alert, because the shared email has a body of its own. */
  readonly text: string;
  readonly html: string | null;
  /** The kind of email that the alert shares with others; null if it has an email of its own. */
  readonly bundle: Bundle | null;
  /** Events over seven days. */
  readonly events: number;
  /** Affected users over seven days. */
  readonly users: number;
}

/** Writes alerts into the outbox. Their order decides the order of delivery. */
export async function insertAlerts(db: Db, runId: string, alerts: readonly NewAlert[]): Promise<void> {
  if (alerts.length === 0) return;
  const column = <K extends keyof NewAlert>(key: K) => alerts.map((alert) => alert[key]);
  await db.query({
    text: `INSERT INTO alerts
             (run_id, trigger, recipient_id, issue_id, because, subject, body_text, body_html, bundle, events, users)
           SELECT $1, trigger, recipient_id, issue_id, because, subject, body_text, body_html, bundle, events, users
           FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[],
                       $9::text[], $10::bigint[], $11::bigint[])
             WITH ORDINALITY AS new (trigger, recipient_id, issue_id, because, subject, body_text, body_html,
                                     bundle, events, users, place)
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
      column('bundle'),
      column('events'),
      column('users'),
    ],
  });
}

/** An alert that waits in the outbox. */
export interface Pending {
  readonly id: string;
  readonly runId: string;
  readonly ranAt: Date;
  readonly recipientId: string;
  readonly trigger: string;
  /** Sentry's id of the issue. */
  readonly groupId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  /** The kind of email that the alert shares with others; null if it has an email of its own. */
  readonly bundle: Bundle | null;
  /** Number of earlier attempts to send it. */
  readonly attempts: number;
  /** The left part of the Message-ID of its email, a UUID. */
  readonly messageId: string;
  /** The thread of the earlier emails about the issue to this recipient; null if there is no such email. */
  readonly thread: Thread | null;
}

/** The first email about one issue to one recipient. */
export interface Thread {
  /** Mail programs such as Gmail begin another thread if the subject differs. */
  readonly subject: string;
  readonly messageId: string;
  /** Null if it was not sent by SES. */
  readonly sesMessageId: string | null;
}

// Alerts of before an update have no id; a recipe may send them again.
const messageIdOf = (alert: string) => `coalesce(${alert}.message_id, md5('alert ' || ${alert}.id)::uuid)`;
const PENDING = `SELECT alerts.id, run_id AS "runId", ran_at AS "ranAt", recipient_id AS "recipientId", trigger,
                        group_id AS "groupId", email AS to, subject, body_text AS text, body_html AS html, bundle, attempts,
                        ${messageIdOf('alerts')} AS "messageId", thread
                 FROM alerts
                 JOIN recipients ON recipients.id = recipient_id
                 JOIN issues ON issues.id = issue_id
                 JOIN trigger_runs ON trigger_runs.id = run_id
                 LEFT JOIN LATERAL (
                   SELECT jsonb_build_object('subject', first.subject, 'messageId', ${messageIdOf('first')},
                                             'sesMessageId', ses_message_id) AS thread
                   FROM alerts AS first
                   WHERE first.issue_id = alerts.issue_id AND first.recipient_id = alerts.recipient_id
                     AND first.bundle IS NULL AND first.sent_at IS NOT NULL
                   ORDER BY first.sent_at, first.id LIMIT 1
                 ) AS thread ON true`;
const DUE = `status = 'pending' AND next_attempt_at <= clock_timestamp()`;

/** The first alert in the outbox whose next attempt is due. */
export async function nextDue(db: Db): Promise<Pending | null> {
  const { rows } = await db.query<Pending>({ text: `${PENDING} WHERE ${DUE} ORDER BY alerts.id LIMIT 1` });
  return rows[0] ?? null;
}

/** A run's pending alerts after `afterId`, in the order of the outbox. */
export async function pendingOfRun(
  db: Db,
  runId: string,
  afterId: string,
  limit: number,
): Promise<Pending[]> {
  const { rows } = await db.query<Pending>({
    text: `${PENDING} WHERE run_id = $1 AND status = 'pending' AND alerts.id > $2 ORDER BY alerts.id LIMIT $3`,
    values: [runId, afterId, limit],
  });
  return rows;
}

/** The number of alerts that wait to be sent. @throws CodedError */
export async function countPending(db: Db): Promise<number> {
  const query = db.query<{ pending: number }>({
    text: `SELECT count(*)::int AS pending FROM alerts WHERE status = 'pending'`,
  });
  const { rows } = await orDatabaseError('counting the alerts that wait', query);
  return rows[0]?.pending ?? 0;
}

/** The alerts that wait to be sent. */
export interface Waiting {
  /** Milliseconds until the next attempt is due; 0 or less if one is due now, null if no alert is pending. */
  readonly untilNextAttempt: number | null;
  /** Since the oldest of them was decided; 0 if no alert is pending. */
  readonly oldestSeconds: number;
}

/** @throws CodedError */
export async function waitingAlerts(db: Db): Promise<Waiting> {
  const query = db.query<Waiting>({
    text: `SELECT extract(epoch FROM min(next_attempt_at) - clock_timestamp())::float8 * 1000 AS "untilNextAttempt",
                  greatest(extract(epoch FROM clock_timestamp() - min(created_at))::float8, 0) AS "oldestSeconds"
           FROM alerts WHERE status = 'pending'`,
  });
  const { rows } = await orDatabaseError('asking whether an alert waits', query);
  return rows[0] ?? { untilNextAttempt: null, oldestSeconds: 0 };
}

/** Identifies the alerts that share an email. */
export interface BundleKey {
  readonly runId: string;
  readonly recipientId: string;
  readonly bundle: Bundle;
}

export interface BundleMember {
  readonly id: string;
  readonly trigger: string;
  readonly groupId: string;
}

/** The bundle's alerts that are due: by trigger in the order of the outbox, then with the most affected users first. */
export async function bundleMembers(
  db: Db,
  { runId, recipientId, bundle }: BundleKey,
): Promise<BundleMember[]> {
  const { rows } = await db.query<BundleMember>({
    text: `SELECT alerts.id, trigger, group_id AS "groupId" FROM alerts JOIN issues ON issues.id = issue_id
           WHERE run_id = $1 AND recipient_id = $2 AND bundle = $3 AND ${DUE}
           ORDER BY min(alerts.id) OVER (PARTITION BY trigger), users DESC, events DESC, alerts.id`,
    values: [runId, recipientId, bundle],
  });
  return rows;
}

/** The data of one alert that a shared email shows. */
export interface BundledAlert {
  readonly id: string;
  readonly because: string;
  readonly events: number;
  readonly users: number;
  readonly groupId: string;
  readonly message: string;
  readonly module: string;
  /** Null if the event has no stack. */
  readonly crashSite: StackFrame | null;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  readonly firstRelease: string | null;
}

/** The alerts' data, in the order of the ids. */
export async function bundledAlerts(db: Db, ids: readonly string[]): Promise<BundledAlert[]> {
  const { rows } = await db.query<BundledAlert>({
    text: `SELECT alerts.id, because, events::float8, users::float8, group_id AS "groupId", message, module,
                  stack_frames->0 AS "crashSite", first_seen AS "firstSeen", activity.last_seen AS "lastSeen",
                  first_release AS "firstRelease"
           FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (id, place)
           JOIN alerts USING (id) JOIN issues ON issues.id = issue_id
           JOIN issue_activity AS activity ON activity.issue_id = issues.id
           ORDER BY place`,
    values: [ids],
  });
  return rows;
}

/**
 * Claims the alerts of one email for as long as sending may take, so that no other watcher sends them. Claims all of
 * them, or none if another watcher has claimed one. If a watcher dies, its claims end by themselves.
 * @returns whether they were claimed
 */
export async function claim(db: Db, ids: readonly string[], milliseconds: number): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `WITH free AS (SELECT id FROM alerts WHERE id = ANY($1::bigint[]) AND ${DUE} ORDER BY id FOR UPDATE)
           UPDATE alerts SET next_attempt_at = clock_timestamp() + $2 * interval '1 millisecond'
           FROM free WHERE alerts.id = free.id AND (SELECT count(*) FROM free) = cardinality($1::bigint[])`,
    values: [ids, milliseconds],
  });
  return ids.length > 0 && rowCount === ids.length;
}

/**
 * Marks all alerts of one email in one statement, because they are sent together or not at all. It writes no other table:
 * a run may have locked the rows there.
 * @param subject that of an email about one alert, which its thread may have given; null for a shared email
 */
export async function markSent(
  db: Db,
  ids: readonly string[],
  sesMessageId: string | null,
  subject: string | null,
): Promise<void> {
  await db.query({
    // Locked in the order of `claim`, so that both can't deadlock.
    text: `WITH email AS (
             SELECT id FROM alerts WHERE id = ANY($1::bigint[]) AND status = 'pending' ORDER BY id FOR UPDATE
           )
           UPDATE alerts SET status = 'sent', sent_at = clock_timestamp(), ses_message_id = $2,
                  subject = coalesce($3, subject), attempts = attempts + 1, last_error = NULL
           FROM email WHERE alerts.id = email.id`,
    values: [ids, sesMessageId, subject],
  });
}

/**
 * Sets the time of the next attempt for the alerts of one email. They stay pending.
 * @param attempt false if SES didn't process the email, so that this doesn't count as an attempt
 */
export async function markDeferred(
  db: Db,
  ids: readonly string[],
  error: string,
  milliseconds: number,
  attempt: boolean,
): Promise<void> {
  await db.query({
    text: `UPDATE alerts SET attempts = attempts + $4, last_error = $2,
                  next_attempt_at = clock_timestamp() + $3 * interval '1 millisecond'
           WHERE id = ANY($1::bigint[]) AND status = 'pending'`,
    values: [ids, error, milliseconds, attempt ? 1 : 0],
  });
}

/** Gives up on the alerts of one email, because a retry can't help. */
export async function markFailed(db: Db, ids: readonly string[], error: string): Promise<void> {
  await db.query({
    text: `UPDATE alerts SET status = 'failed', attempts = attempts + 1, last_error = $2
           WHERE id = ANY($1::bigint[]) AND status = 'pending'`,
    values: [ids, error],
  });
}
