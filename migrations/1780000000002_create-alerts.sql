-- Up Migration

CREATE TABLE recipients (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE
);

CREATE TABLE recipient_issues (
    recipient_id bigint NOT NULL REFERENCES recipients (id) ON DELETE CASCADE,
    issue_id bigint NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    last_notified timestamptz NOT NULL,
    PRIMARY KEY (recipient_id, issue_id)
);
CREATE INDEX recipient_issues_issue ON recipient_issues (issue_id);

CREATE TABLE trigger_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ran_at timestamptz NOT NULL,
    finished_at timestamptz,
    snapshot pg_snapshot NOT NULL,
    issue_count bigint NOT NULL DEFAULT 0,
    alert_count bigint NOT NULL DEFAULT 0
);
COMMENT ON COLUMN trigger_runs.snapshot IS 'What the run saw; the next run judges the issues that changed outside of it.';

CREATE TABLE alerts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES trigger_runs (id) ON DELETE CASCADE,
    trigger text NOT NULL,
    recipient_id bigint NOT NULL REFERENCES recipients (id),
    issue_id bigint NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    because text NOT NULL,
    subject text NOT NULL,
    body_text text NOT NULL,
    body_html text,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sent', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    ses_message_id text,
    UNIQUE (run_id, trigger, recipient_id, issue_id)
);
CREATE INDEX alerts_pending ON alerts (next_attempt_at, id) WHERE status = 'pending';
CREATE INDEX alerts_issue ON alerts (issue_id);
COMMENT ON TABLE alerts IS 'The outbox: written with the run, delivered after it.';

CREATE TABLE failed_evaluations (
    trigger text NOT NULL,
    issue_id bigint NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    attempts integer NOT NULL,
    last_error text NOT NULL,
    PRIMARY KEY (trigger, issue_id)
);
COMMENT ON TABLE failed_evaluations IS 'Judgements that threw, to be made again in the next runs, ten at most.';

-- Down Migration

DROP TABLE failed_evaluations;
DROP TABLE alerts;
DROP TABLE trigger_runs;
DROP TABLE recipient_issues;
DROP TABLE recipients;
