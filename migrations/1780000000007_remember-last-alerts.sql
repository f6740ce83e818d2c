-- Up Migration

ALTER TABLE recipient_issues ADD COLUMN last_alerts jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN recipient_issues.last_alerts IS
    'The last alert of each trigger by its name: when it was decided (at), and the issue''s counts over seven days then.';

-- Down Migration

ALTER TABLE recipient_issues DROP COLUMN last_alerts;
