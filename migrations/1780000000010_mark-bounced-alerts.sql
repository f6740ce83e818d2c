-- Up Migration

ALTER TABLE alerts
    ADD COLUMN bounced_at timestamptz,
    DROP CONSTRAINT alerts_status_check,
    ADD CONSTRAINT alerts_status_check CHECK (status IN ('pending', 'sent', 'failed', 'bounced'));
COMMENT ON COLUMN alerts.bounced_at IS
    'When the watcher learned that SES accepted the email and did not deliver it. The reason is in last_error.';

-- SES names the email by its id when it bounces.
CREATE INDEX alerts_ses_message ON alerts (ses_message_id) WHERE ses_message_id IS NOT NULL;

-- Down Migration

-- SES accepted these emails, which is what `sent` means to the version before.
UPDATE alerts SET status = 'sent', last_error = NULL WHERE status = 'bounced';
DROP INDEX alerts_ses_message;
ALTER TABLE alerts
    DROP CONSTRAINT alerts_status_check,
    ADD CONSTRAINT alerts_status_check CHECK (status IN ('pending', 'sent', 'failed')),
    DROP COLUMN bounced_at;
