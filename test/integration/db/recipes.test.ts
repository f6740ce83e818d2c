import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createDatabase } from '../../support/database.ts';

const document = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
const { pool } = await createDatabase();

/** The one statement of the document that begins so. */
function recipe(beginning: string): string {
  const found = [...document.matchAll(/UPDATE alerts SET [^`;]*/g)].map(([sql]) => sql.trim());
  const [sql, ...more] = found.filter((one) => one.startsWith(`UPDATE alerts SET ${beginning}`));
  if (sql === undefined || more.length > 0) throw new Error(`not one statement with ${beginning}`);
  return sql;
}

it('sending failed and bounced alerts again leaves out old alerts, and alerts that were set aside after a restore or in a flood', async () => {
  await pool.query(`
    INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
      VALUES ('g1', '7', 'm', 'x', '[]', now(), now(), pg_current_xact_id());
    INSERT INTO recipients (email) VALUES ('oncall@example.com');
    INSERT INTO trigger_runs (ran_at, finished_at, snapshot) VALUES (now(), now(), pg_current_snapshot())`);
  await pool.query(`
    INSERT INTO alerts (run_id, trigger, recipient_id, issue_id, because, subject, body_text, status, last_error, created_at)
    SELECT 1, name, 1, 1, 'because', 'subject', 'text', status, error, now() - age::interval
    FROM (VALUES ('refused', 'failed', 'not verified', '1 hour'), ('refused without a word', 'failed', NULL, '1 hour'),
                 ('refused long ago', 'failed', 'not verified', '30 days'), ('sent', 'sent', NULL, '1 hour'),
                 ('in a flood', 'pending', NULL, '1 hour'), ('in the backup', 'pending', NULL, '1 hour')
         ) AS v (name, status, error, age)`);
  await pool.query(recipe("status = 'failed', last_error = 'set aside'").replace('NAME', 'in a flood'));
  await pool.query(recipe("status = 'failed', last_error = 'restored'"));
  await pool.query(recipe("status = 'pending', next_attempt_at = now()\nWHERE"));
  const { rows } = await pool.query("SELECT trigger FROM alerts WHERE status = 'pending' ORDER BY id");
  expect(rows.map(({ trigger }) => trigger)).toEqual(['refused', 'refused without a word']);
  // The email of an alert that bounced a day ago and of another recipient stays as it is.
  await pool.query(`
    INSERT INTO recipients (email) VALUES ('ann@example.com');
    INSERT INTO alerts (run_id, trigger, recipient_id, issue_id, because, subject, body_text, status, bounced_at, created_at)
    SELECT 1, name, recipient, 1, 'because', 'subject', 'text', 'bounced', now(), now() - age::interval
    FROM (VALUES ('to ann', 2, '1 hour'), ('to ann long ago', 2, '2 days'), ('to another', 1, '1 hour')) AS v (name, recipient, age)`);
  await pool.query(recipe("status = 'pending', next_attempt_at = now(), bounced_at = NULL"));
  const { rows: again } = await pool.query(
    "SELECT trigger FROM alerts WHERE status = 'pending' AND bounced_at IS NULL ORDER BY id",
  );
  expect(again.map(({ trigger }) => trigger)).toEqual(['refused', 'refused without a word', 'to ann']);
  const [, list = ''] = /^(SELECT alerts\.id, [^;]*);/m.exec(document) ?? [];
  const { rows: shown } = await pool.query(list);
  expect(shown.map(({ trigger, status }) => `${trigger}: ${status}`)).toContain('in a flood: failed');
});
