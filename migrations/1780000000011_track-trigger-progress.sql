-- Up Migration

CREATE TABLE trigger_progress (
    trigger text PRIMARY KEY,
    run_id bigint NOT NULL,
    ran_at timestamptz NOT NULL,
    snapshot pg_snapshot NOT NULL,
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    cluster bigint,
    left_out_since timestamptz
);
COMMENT ON TABLE trigger_progress IS 'How far each trigger has evaluated, by its name.';
COMMENT ON COLUMN trigger_progress.run_id IS
    'The last finished run with this trigger. There is one run at a time, so the ids have the order of the runs.';
COMMENT ON COLUMN trigger_progress.snapshot IS
    'What that run saw. The trigger''s next run evaluates the issues that changed outside of it.';
COMMENT ON COLUMN trigger_progress.changed_in IS
    'The transaction that wrote this row. In a database that was restored from a dump another one wrote it.';
COMMENT ON COLUMN trigger_progress.left_out_since IS
    'A watcher leaves the trigger out since this run, because it ended its process in three runs in a row.';

-- Watchers of the version before keep no progress by trigger. What their last run saw stands for every trigger, for as
-- long as an update takes. A later version drops the column.
ALTER TABLE trigger_runs ADD COLUMN by_trigger boolean NOT NULL DEFAULT false;
CREATE INDEX trigger_runs_before_progress ON trigger_runs (id) WHERE NOT by_trigger;
COMMENT ON COLUMN trigger_runs.by_trigger IS
    'Whether the run is in trigger_progress; false: the version before it.';

ALTER TABLE silences ADD COLUMN settled_by bigint;
CREATE INDEX silences_settled ON silences (settled_by) WHERE settled_by IS NOT NULL;
COMMENT ON COLUMN silences.reevaluated_at IS 'The time of the first run after the end of the silence.';
COMMENT ON COLUMN silences.settled_by IS
    'That run. Triggers whose last run is an earlier one evaluate the issue again. Null: a run of the version before.';

ALTER TABLE failed_evaluations ADD COLUMN last_attempt_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN failed_evaluations.last_attempt_at IS 'A failure is forgotten a week after it.';

-- Down Migration

ALTER TABLE failed_evaluations DROP COLUMN last_attempt_at;
ALTER TABLE silences DROP COLUMN settled_by;
COMMENT ON COLUMN silences.reevaluated_at IS 'The run that evaluated the issue after the end of the silence.';
ALTER TABLE trigger_runs DROP COLUMN by_trigger;
DROP TABLE trigger_progress;
