-- Up Migration

ALTER TABLE recipient_issues ADD COLUMN triggers text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN recipient_issues.triggers IS 'The names of the triggers that notified the recipient of the issue.';

-- What is known of the past. Alerts older than RETENTION_DAYS are gone: those recipients stay without a trigger's name.
UPDATE recipient_issues SET triggers = told.triggers
FROM (
    SELECT recipient_id, issue_id, array_agg(DISTINCT trigger ORDER BY trigger) AS triggers
    FROM alerts GROUP BY recipient_id, issue_id
) AS told
WHERE recipient_issues.recipient_id = told.recipient_id AND recipient_issues.issue_id = told.issue_id;

-- Down Migration

ALTER TABLE recipient_issues DROP COLUMN triggers;
