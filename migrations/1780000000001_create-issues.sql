-- Up Migration

CREATE EXTENSION IF NOT EXISTS hll;

-- "C": group ids are compared as bytes, which every process orders alike, so that workers lock rows in one order.
CREATE TABLE issues (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id text COLLATE "C" NOT NULL UNIQUE,
    project_id text NOT NULL,
    message text NOT NULL,
    module text NOT NULL,
    stack_frames jsonb NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    changed_in xid8 NOT NULL
);
CREATE INDEX issues_changed_in ON issues (changed_in);
COMMENT ON COLUMN issues.changed_in IS
    'The transaction of the last event. A run judges the issues whose changed_in its predecessor''s snapshot did not see.';

CREATE TABLE issue_buckets (
    issue_id bigint NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    date date NOT NULL,
    event_set hll(11, 5, -1, 1) NOT NULL,
    user_set hll(11, 5, -1, 1) NOT NULL,
    PRIMARY KEY (issue_id, date)
) WITH (toast_tuple_target = 4080, fillfactor = 80);
-- Two full sets exceed the TOAST threshold. Kept inline and compressed they take a fifth of the disk (measured).
ALTER TABLE issue_buckets ALTER COLUMN event_set SET STORAGE MAIN, ALTER COLUMN user_set SET STORAGE MAIN;
CREATE INDEX issue_buckets_date ON issue_buckets (date);
COMMENT ON TABLE issue_buckets IS 'One issue on one UTC day: HyperLogLog sets of event ids and of affected users (hashes only).';

-- Down Migration

DROP TABLE issue_buckets;
DROP TABLE issues;
