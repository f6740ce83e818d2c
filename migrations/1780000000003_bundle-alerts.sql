-- Up Migration

ALTER TABLE alerts
    ADD COLUMN bundle text CHECK (bundle IN ('digest', 'summary')),
    ADD COLUMN events bigint NOT NULL DEFAULT 0,
    ADD COLUMN users bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN alerts.bundle IS
    'Null: an email of its own. Else it shares one with the recipient''s other alerts of this bundle in the run, and its body is empty.';
COMMENT ON COLUMN alerts.events IS 'Over seven days, when it was decided.';
COMMENT ON COLUMN alerts.users IS 'Affected over seven days, when it was decided.';

-- The outbox is read in the order decided, past what waits for its next attempt.
CREATE INDEX alerts_outbox ON alerts (id) WHERE status = 'pending';
-- Settled alerts are pruned after each run.
CREATE INDEX alerts_settled ON alerts (created_at) WHERE status <> 'pending';

ALTER TABLE trigger_runs ADD COLUMN changed_in xid8, ADD COLUMN cluster bigint;
COMMENT ON COLUMN trigger_runs.changed_in IS 'The run''s own transaction.';
COMMENT ON COLUMN trigger_runs.cluster IS
    'The system identifier of the cluster it ran in: the snapshot counts that cluster''s transactions. Null where it is not to be had.';

-- Down Migration

ALTER TABLE trigger_runs DROP COLUMN cluster, DROP COLUMN changed_in;
DROP INDEX alerts_settled;
DROP INDEX alerts_outbox;
ALTER TABLE alerts DROP COLUMN users, DROP COLUMN events, DROP COLUMN bundle;
