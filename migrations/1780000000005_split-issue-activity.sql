-- Up Migration

-- What changes with every event, apart from the text that never changes: an update rewrites 60 bytes instead of two
-- kilobytes, and nothing that it changes is indexed, so it stays in its page (HOT). A run reads the whole table: a
-- million issues are 60 MB.
CREATE TABLE issue_activity (
    issue_id bigint PRIMARY KEY REFERENCES issues (id) ON DELETE CASCADE,
    last_seen timestamptz NOT NULL,
    changed_in xid8 NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE issue_activity IS 'When an issue''s last event was received, and by which transaction it was stored.';
COMMENT ON COLUMN issue_activity.changed_in IS
    'The transaction of the last event. A run evaluates the issues whose changed_in its predecessor''s snapshot did not see.';

-- From here on issues.changed_in and issues.last_seen are of the version before this one, whose processors and watchers
-- may run for as long as an update takes. A later version drops them, and both triggers below.
DROP INDEX issues_changed_in;
ALTER TABLE issues ALTER COLUMN changed_in SET DEFAULT '3';
COMMENT ON COLUMN issues.changed_in IS
    'Of the version before issue_activity. 3 is long ago: every snapshot sees it.';
COMMENT ON COLUMN issues.last_seen IS 'Of the version before issue_activity.';

-- Both functions run with the owner's rights, because the old version's roles have no rights on the new table yet.
-- Temporary tables come last in their search path: otherwise any role could make them write into a table of its own.
SELECT set_config('bec_alerts.search_path', current_setting('search_path'), true),
       set_config('search_path', current_setting('search_path') || ', pg_temp', true);

-- Processors of the version before: their writes into issues are copied to issue_activity. If one of them and one of
-- today's processors deadlock, Postgres ends one statement, and its messages are retried.
CREATE FUNCTION copy_issue_activity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO issue_activity AS known (issue_id, last_seen, changed_in)
    VALUES (NEW.id, NEW.last_seen, NEW.changed_in)
    ON CONFLICT (issue_id) DO UPDATE SET
        last_seen = greatest(known.last_seen, excluded.last_seen),
        changed_in = excluded.changed_in;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION copy_issue_activity() FROM PUBLIC;
CREATE TRIGGER copy_new_activity AFTER INSERT ON issues
    FOR EACH ROW WHEN (NEW.changed_in = pg_current_xact_id()) EXECUTE FUNCTION copy_issue_activity();
CREATE TRIGGER copy_activity BEFORE UPDATE OF changed_in ON issues
    FOR EACH ROW WHEN (NEW.changed_in = pg_current_xact_id()) EXECUTE FUNCTION copy_issue_activity();

-- The watchers before: when one opens a run, it is shown what today's processors stored since the last finished run. A
-- row that a processor updates at the same time is left to it: that update marks the issue for the next run.
ALTER TABLE trigger_runs ADD COLUMN by_activity boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN trigger_runs.by_activity IS 'Whether the watcher reads issue_activity; false: the version before it.';
CREATE FUNCTION show_issue_activity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    last pg_snapshot := (SELECT snapshot FROM trigger_runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1);
    active record;
BEGIN
    -- Without a finished run it evaluates every issue.
    IF last IS NULL THEN RETURN NEW; END IF;
    FOR active IN
        SELECT activity.* FROM issue_activity AS activity JOIN issues ON id = issue_id
        WHERE NOT pg_visible_in_snapshot(activity.changed_in, last) AND issues.changed_in <> activity.changed_in
        ORDER BY group_id COLLATE "C"
    LOOP
        BEGIN
            UPDATE issues SET changed_in = active.changed_in, last_seen = greatest(last_seen, active.last_seen)
            WHERE id = active.issue_id;
        EXCEPTION WHEN serialization_failure OR lock_not_available OR deadlock_detected THEN
            NULL;
        END;
    END LOOP;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION show_issue_activity() FROM PUBLIC;
SELECT set_config('search_path', current_setting('bec_alerts.search_path'), true);
CREATE TRIGGER show_activity BEFORE INSERT ON trigger_runs
    FOR EACH ROW WHEN (NOT NEW.by_activity) EXECUTE FUNCTION show_issue_activity();

-- Triggers first: their locks keep processors out until everything is copied. A change that no run has evaluated yet gets
-- this transaction's number: after a restore from a dump the old one may say nothing here.
INSERT INTO issue_activity (issue_id, last_seen, changed_in)
SELECT id, last_seen, CASE WHEN pg_visible_in_snapshot(changed_in, last.snapshot) THEN changed_in ELSE pg_current_xact_id() END
FROM issues LEFT JOIN (
    SELECT snapshot FROM trigger_runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1) AS last ON true
ORDER BY id;

-- Down Migration

DROP TRIGGER show_activity ON trigger_runs;
DROP FUNCTION show_issue_activity();
ALTER TABLE trigger_runs DROP COLUMN by_activity;
DROP TRIGGER copy_activity ON issues;
DROP TRIGGER copy_new_activity ON issues;
DROP FUNCTION copy_issue_activity();
UPDATE issues SET changed_in = activity.changed_in, last_seen = activity.last_seen
FROM issue_activity AS activity WHERE issue_id = id;
ALTER TABLE issues ALTER COLUMN changed_in DROP DEFAULT;
COMMENT ON COLUMN issues.changed_in IS
    'The transaction of the last event. A run judges the issues whose changed_in its predecessor''s snapshot did not see.';
COMMENT ON COLUMN issues.last_seen IS NULL;
CREATE INDEX issues_changed_in ON issues (changed_in);
DROP TABLE issue_activity;
