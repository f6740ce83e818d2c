-- Creates three roles that own nothing. They are for the processor, the watcher, and people who silence issues, and each
-- gets only the rights that it needs. The role that runs `bec-alerts migrate` owns the tables. Run this file as that
-- role, in the service's database, after each `migrate`. The first time it creates the roles, which needs CREATEROLE.
-- Or a superuser creates them beforehand. You can run this file again at any time.
--
--   psql --host HOST --username OWNER --dbname DATABASE --set ON_ERROR_STOP=1 --file docs/roles.sql
--
-- psql asks for the password, or finds it in PGPASSWORD or ~/.pgpass. Don't give it in a URL: it would be part of the
-- command line, and everyone on the machine can read that in /proc.
--
-- Then give each daemon a user of its own, and the people who silence issues one or several:
--
--   CREATE ROLE processor LOGIN PASSWORD '...' IN ROLE bec_alerts_processor;
--   CREATE ROLE watcher   LOGIN PASSWORD '...' IN ROLE bec_alerts_watcher;
--   CREATE ROLE silencer  LOGIN PASSWORD '...' IN ROLE bec_alerts_silencer;

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bec_alerts_processor') THEN
        CREATE ROLE bec_alerts_processor NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bec_alerts_watcher') THEN
        CREATE ROLE bec_alerts_watcher NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bec_alerts_silencer') THEN
        CREATE ROLE bec_alerts_silencer NOLOGIN;
    END IF;
END
$$;

-- Before Postgres 15 everyone may create tables in `public`, and such a table could hide one of our tables.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO bec_alerts_processor, bec_alerts_watcher, bec_alerts_silencer;

-- Removes rights that an older version of this file granted.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM bec_alerts_processor, bec_alerts_watcher, bec_alerts_silencer;

-- The processor folds events into issues, buckets and samples of tags. It deletes nothing, and can't read email addresses.
GRANT SELECT, INSERT, UPDATE ON issues, issue_activity, issue_buckets, issue_hours, issue_tags TO bec_alerts_processor;

-- The watcher reads what the processor wrote, and deletes it when it is old. It locks old rows first, which needs UPDATE of
-- one column. It changes issue_activity only after a restore. `bec-alerts status`, `explain` and `backtest` use this role
-- too. A backtest creates temporary tables, which Postgres allows everybody unless TEMPORARY was revoked.
GRANT SELECT ON issues TO bec_alerts_watcher;
GRANT SELECT, UPDATE (changed_in) ON issue_activity TO bec_alerts_watcher;
GRANT SELECT, DELETE, UPDATE (date) ON issue_buckets TO bec_alerts_watcher;
GRANT SELECT, DELETE ON issue_tags TO bec_alerts_watcher;
GRANT SELECT, DELETE, UPDATE (hour) ON issue_hours TO bec_alerts_watcher;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON recipients, recipient_issues, trigger_runs, trigger_progress, alerts, failed_evaluations, canaries
    TO bec_alerts_watcher;
-- The watcher ends silences and deletes old ones. It can't silence anything.
GRANT SELECT, DELETE, UPDATE (ended_at, reevaluated_at, settled_by) ON silences TO bec_alerts_watcher;

-- `bec-alerts silence` and `silences` read issues, their counts and the names of triggers. This role can't read email
-- addresses or emails.
GRANT SELECT ON issues, issue_activity, issue_buckets TO bec_alerts_silencer;
GRANT SELECT (trigger) ON alerts TO bec_alerts_silencer;
GRANT SELECT (triggers) ON recipient_issues TO bec_alerts_silencer;
GRANT SELECT, INSERT (issue_id, trigger, until, users_over, because, created_by), UPDATE (ended_at)
    ON silences TO bec_alerts_silencer;

COMMIT;
