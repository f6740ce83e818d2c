-- Up Migration

ALTER TABLE alerts ADD COLUMN message_id uuid;
-- Rows of before keep none: the default must not rewrite the table. Those that wait to be sent need one.
ALTER TABLE alerts ALTER COLUMN message_id SET DEFAULT gen_random_uuid();
UPDATE alerts SET message_id = gen_random_uuid() WHERE status = 'pending';
COMMENT ON COLUMN alerts.message_id IS
    'The left part of the Message-ID of its email, the same in each attempt. A shared email has that of one of its alerts.';

-- Down Migration

ALTER TABLE alerts DROP COLUMN message_id;
