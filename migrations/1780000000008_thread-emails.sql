-- Up Migration

ALTER TABLE alerts ADD COLUMN message_id uuid;
-- Rows of before keep none: the default must not rewrite the table. Those that wait to be sent need one.
ALTER TABLE alerts ALTER COLUMN message_id SET DEFAULT gen_random_uuid();
UPDATE alerts SET message_id = gen_random_uuid() WHERE status = 'pending';
COMMENT ON COLUMN alerts.message_id IS
    'The left part of the Message-ID of its email, the same in each attempt. A shared email has that of one of its alerts.';

ALTER TABLE recipient_issues ADD COLUMN thread jsonb;
COMMENT ON COLUMN recipient_issues.thread IS
    'The thread of the emails about the issue to the recipient: the subject of the first, and the Message-IDs (references) that the next refers to.';

-- Down Migration

ALTER TABLE recipient_issues DROP COLUMN thread;
ALTER TABLE alerts DROP COLUMN message_id;
