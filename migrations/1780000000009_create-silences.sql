-- Up Migration

CREATE TABLE silences (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issue_id bigint NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    trigger text,
    until timestamptz,
    users_over bigint,
    because text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    reevaluated_at timestamptz,
    CHECK (num_nonnulls(until, users_over) = 1)
);
CREATE INDEX silences_unsettled ON silences (issue_id) WHERE reevaluated_at IS NULL;
COMMENT ON TABLE silences IS 'While a silence of an issue holds, the watcher drops the alerts about the issue.';
COMMENT ON COLUMN silences.trigger IS 'The name of the trigger whose alerts are dropped; null for all triggers.';
COMMENT ON COLUMN silences.users_over IS 'The silence ends when so many users are affected.';
COMMENT ON COLUMN silences.reevaluated_at IS 'The run that evaluated the issue after the end of the silence.';

-- Down Migration

DROP TABLE silences;
