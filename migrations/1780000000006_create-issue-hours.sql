-- Up Migration

CREATE TABLE issue_hours (
    issue_id bigint NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    hour timestamptz NOT NULL,
    event_set hll(11, 5, -1, 1) NOT NULL,
    user_set hll(11, 5, -1, 1) NOT NULL,
    PRIMARY KEY (issue_id, hour)
) WITH (toast_tuple_target = 4080, fillfactor = 70);
ALTER TABLE issue_hours ALTER COLUMN event_set SET STORAGE MAIN, ALTER COLUMN user_set SET STORAGE MAIN;
CREATE INDEX issue_hours_hour ON issue_hours (hour);
COMMENT ON TABLE issue_hours IS
    'One issue in one UTC hour: HyperLogLog sets of event ids and of affected users (hashes only). Kept for eight days.';

-- A sample of each day's events: those with the lowest hashes of their ids, the same in whichever order events come, and
-- however often. Only inserted, so that an issue with many events leaves no versions. Without a foreign key: its check would
-- cost as much as the row.
CREATE TABLE issue_tags (
    issue_id bigint NOT NULL,
    date date NOT NULL,
    hash bigint NOT NULL,
    received_at timestamptz NOT NULL,
    release text,
    environment text,
    browser text,
    os text,
    PRIMARY KEY (issue_id, date, hash)
);
COMMENT ON TABLE issue_tags IS 'Tags of a sample of an issue''s events on one UTC day.';

-- bec-alerts never deletes an issue. If a person does, this replaces the foreign key.
CREATE FUNCTION delete_issue_tags() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM issue_tags WHERE issue_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER delete_issue_tags AFTER DELETE ON issues FOR EACH ROW EXECUTE FUNCTION delete_issue_tags();

ALTER TABLE issue_activity ADD COLUMN counted_on date, ADD COLUMN counted bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN issue_activity.counted IS
    'Events of the UTC day counted_on, with repeated ones: the more, the smaller the share of them that is sampled.';

ALTER TABLE issues
    ADD COLUMN log_message text NOT NULL DEFAULT '',
    ADD COLUMN first_release text,
    ADD COLUMN environment text;
COMMENT ON COLUMN issues.log_message IS 'The first event''s log message, where its exception is the message. Empty without one.';
COMMENT ON COLUMN issues.first_release IS 'The release of the first event; null where it names none, or was stored by an older version.';
COMMENT ON COLUMN issues.environment IS 'Of the first event.';

-- `bec-alerts migrate` removes user data from the texts of issues that an older version stored, page by page.
CREATE TABLE text_cleanings (
    rules integer PRIMARY KEY,
    last_issue_id bigint NOT NULL
);
COMMENT ON TABLE text_cleanings IS 'Up to which issue texts were cleaned, by the version of the rules.';

-- Down Migration

DROP TABLE text_cleanings;
ALTER TABLE issues DROP COLUMN environment, DROP COLUMN first_release, DROP COLUMN log_message;
DROP TRIGGER delete_issue_tags ON issues;
DROP FUNCTION delete_issue_tags();
DROP TABLE issue_tags;
ALTER TABLE issue_activity DROP COLUMN counted, DROP COLUMN counted_on;
DROP TABLE issue_hours;
