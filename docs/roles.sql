-- Roles that own nothing: what the processor and the watcher may do, and no more. Tables stay with whoever runs
-- `bec-alerts migrate`; run this as that role, in the service's database, after each `migrate`. The first time makes two
-- roles, for which it needs CREATEROLE (or a superuser makes them). It can be run again at any time.
--
--   psql --host HOST --username OWNER --dbname DATABASE --set ON_ERROR_STOP=1 --file docs/roles.sql
--
-- psql asks for the password, or finds it in PGPASSWORD or ~/.pgpass. As part of a URL it would stand on the command
-- line, which everyone on the machine can read in /proc.
--
-- Then give each daemon a user of its own:
--
--   CREATE ROLE processor LOGIN PASSWORD '...' IN ROLE bec_alerts_processor;
--   CREATE ROLE watcher   LOGIN PASSWORD '...' IN ROLE bec_alerts_watcher;

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bec_alerts_processor') THEN
        CREATE ROLE bec_alerts_processor NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bec_alerts_watcher') THEN
        CREATE ROLE bec_alerts_watcher NOLOGIN;
    END IF;
END
$$;

-- Before Postgres 15 everyone may create tables in `public`, and so shadow ours.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO bec_alerts_processor, bec_alerts_watcher;

-- Away with what an older version of this file gave.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM bec_alerts_processor, bec_alerts_watcher;

-- The processor folds events into issues and buckets. It deletes nothing, and sees no address.
GRANT SELECT, INSERT, UPDATE ON issues, issue_buckets TO bec_alerts_processor;

-- The watcher reads what was counted. It deletes old buckets, which it locks first (so UPDATE of one column), and marks
-- issues after a restore. `bec-alerts status` runs as it too.
GRANT SELECT, UPDATE (changed_in) ON issues TO bec_alerts_watcher;
GRANT SELECT, DELETE, UPDATE (date) ON issue_buckets TO bec_alerts_watcher;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON recipients, recipient_issues, trigger_runs, alerts, failed_evaluations TO bec_alerts_watcher;

COMMIT;
