-- Up Migration

CREATE TABLE canaries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    due_at timestamptz NOT NULL UNIQUE,
    interval_seconds integer NOT NULL,
    event_id text NOT NULL,
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    refused text,
    counted_at timestamptz,
    issue_id bigint REFERENCES issues (id) ON DELETE CASCADE,
    email_refused text
);
CREATE INDEX canaries_issue ON canaries (issue_id) WHERE issue_id IS NOT NULL;
COMMENT ON TABLE canaries IS 'The errors that the watcher sends itself, to see that errors are counted.';
COMMENT ON COLUMN canaries.due_at IS 'Watchers send at the same times, so each canary is sent by one of them.';
COMMENT ON COLUMN canaries.refused IS 'Why Sentry did not accept it; null if it did, or has not answered yet.';
COMMENT ON COLUMN canaries.issue_id IS 'The issue in which it was counted. No trigger evaluates this issue.';
COMMENT ON COLUMN canaries.email_refused IS 'Why SES did not accept the email of CANARY_EMAIL.';

-- Finds the issue of the first canary among a million others.
CREATE INDEX issues_canary ON issues (id) WHERE message LIKE '%bec-alerts-canary%';

-- Down Migration

DROP INDEX issues_canary;
DROP TABLE canaries;
