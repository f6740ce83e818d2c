import type { Bundle } from '../domain/alert.ts';
import type { Db } from './pool.ts';

export interface NewAlert {
  readonly trigger: string;
  readonly recipientId: string;
  readonly issueId: string;
  readonly because: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  /** Over seven days. */
  readonly events: number;
  /** Affected over seven days. */
  readonly users: number;
}

/** An alert and which email it goes into: null for one of its own. */
export type PlannedAlert = NewAlert & { readonly bundle: Bundle | null };

/** Writes alerts into the outbox, in the order decided. A bundled alert's body isn't kept: its email has another. */
export async function insertAlerts(db: Db, runId: string, alerts: readonly PlannedAlert[]): Promise<void> {
  if (alerts.length === 0) return;
  const column = <K extends keyof PlannedAlert>(key: K) => alerts.map((alert) => alert[key]);
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
      alerts.map(({ bundle, text }) => (bundle === null ? text : '')),
      alerts.map(({ bundle, html }) => (bundle === null ? html : null)),
      column('bundle'),
      column('events'),
      column('users'),
    ],
  });
}
