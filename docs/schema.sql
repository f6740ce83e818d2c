-- Generated from migrations/ by `npm run schema`; a test holds it against a fresh database.

CREATE EXTENSION IF NOT EXISTS hll WITH SCHEMA public;

COMMENT ON EXTENSION hll IS 'type for storing hyperloglog data';

CREATE FUNCTION public.copy_issue_activity() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO '$user', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO issue_activity AS known (issue_id, last_seen, changed_in)
    VALUES (NEW.id, NEW.last_seen, NEW.changed_in)
    ON CONFLICT (issue_id) DO UPDATE SET
        last_seen = greatest(known.last_seen, excluded.last_seen),
        changed_in = excluded.changed_in;
    RETURN NEW;
END $$;

CREATE FUNCTION public.delete_issue_tags() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
    DELETE FROM issue_tags WHERE issue_id = OLD.id;
    RETURN NULL;
END $$;

CREATE FUNCTION public.show_issue_activity() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO '$user', 'public', 'pg_temp'
    AS $$
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

CREATE TABLE public.alerts (
    id bigint NOT NULL,
    run_id bigint NOT NULL,
    trigger text NOT NULL,
    recipient_id bigint NOT NULL,
    issue_id bigint NOT NULL,
    because text NOT NULL,
    subject text NOT NULL,
    body_text text NOT NULL,
    body_html text,
    status text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT now() NOT NULL,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sent_at timestamp with time zone,
    ses_message_id text,
    bundle text,
    events bigint DEFAULT 0 NOT NULL,
    users bigint DEFAULT 0 NOT NULL,
    message_id uuid DEFAULT gen_random_uuid(),
    bounced_at timestamp with time zone,
    CONSTRAINT alerts_bundle_check CHECK ((bundle = ANY (ARRAY['digest'::text, 'summary'::text]))),
    CONSTRAINT alerts_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'sent'::text, 'failed'::text, 'bounced'::text])))
);

COMMENT ON TABLE public.alerts IS 'The outbox: written with the run, delivered after it.';

COMMENT ON COLUMN public.alerts.bundle IS 'Null: an email of its own. Else it shares one with the recipient''s other alerts of this bundle in the run, and its body is empty.';

COMMENT ON COLUMN public.alerts.events IS 'Over seven days, when it was decided.';

COMMENT ON COLUMN public.alerts.users IS 'Affected over seven days, when it was decided.';

COMMENT ON COLUMN public.alerts.message_id IS 'The left part of the Message-ID of its email, the same in each attempt. A shared email has that of one of its alerts.';

COMMENT ON COLUMN public.alerts.bounced_at IS 'When the watcher learned that SES accepted the email and did not deliver it. The reason is in last_error.';

ALTER TABLE public.alerts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.alerts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.canaries (
    id bigint NOT NULL,
    due_at timestamp with time zone NOT NULL,
    interval_seconds integer NOT NULL,
    event_id text NOT NULL,
    sent_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    refused text,
    counted_at timestamp with time zone,
    issue_id bigint,
    email_refused text
);

COMMENT ON TABLE public.canaries IS 'The errors that the watcher sends itself, to see that errors are counted.';

COMMENT ON COLUMN public.canaries.due_at IS 'Watchers send at the same times, so each canary is sent by one of them.';

COMMENT ON COLUMN public.canaries.refused IS 'Why Sentry did not accept it; null if it did, or has not answered yet.';

COMMENT ON COLUMN public.canaries.issue_id IS 'The issue in which it was counted. No trigger evaluates this issue.';

COMMENT ON COLUMN public.canaries.email_refused IS 'Why SES did not accept the email of CANARY_EMAIL.';

ALTER TABLE public.canaries ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.canaries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.failed_evaluations (
    trigger text NOT NULL,
    issue_id bigint NOT NULL,
    attempts integer NOT NULL,
    last_error text NOT NULL,
    last_attempt_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.failed_evaluations IS 'Judgements that threw, to be made again in the next runs, ten at most.';

COMMENT ON COLUMN public.failed_evaluations.last_attempt_at IS 'A failure is forgotten a week after it.';

CREATE TABLE public.issue_activity (
    issue_id bigint NOT NULL,
    last_seen timestamp with time zone NOT NULL,
    changed_in xid8 NOT NULL,
    counted_on date,
    counted bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE public.issue_activity IS 'When an issue''s last event was received, and by which transaction it was stored.';

COMMENT ON COLUMN public.issue_activity.changed_in IS 'The transaction of the last event. A run evaluates the issues whose changed_in its predecessor''s snapshot did not see.';

COMMENT ON COLUMN public.issue_activity.counted IS 'Events of the UTC day counted_on, with repeated ones: the more, the smaller the share of them that is sampled.';

CREATE TABLE public.issue_buckets (
    issue_id bigint NOT NULL,
    date date NOT NULL,
    event_set public.hll(11,5,-1,1) NOT NULL,
    user_set public.hll(11,5,-1,1) NOT NULL
)
WITH (toast_tuple_target='4080', fillfactor='80');
ALTER TABLE ONLY public.issue_buckets ALTER COLUMN event_set SET STORAGE MAIN;
ALTER TABLE ONLY public.issue_buckets ALTER COLUMN user_set SET STORAGE MAIN;

COMMENT ON TABLE public.issue_buckets IS 'One issue on one UTC day: HyperLogLog sets of event ids and of affected users (hashes only).';

CREATE TABLE public.issue_hours (
    issue_id bigint NOT NULL,
    hour timestamp with time zone NOT NULL,
    event_set public.hll(11,5,-1,1) NOT NULL,
    user_set public.hll(11,5,-1,1) NOT NULL
)
WITH (toast_tuple_target='4080', fillfactor='70');
ALTER TABLE ONLY public.issue_hours ALTER COLUMN event_set SET STORAGE MAIN;
ALTER TABLE ONLY public.issue_hours ALTER COLUMN user_set SET STORAGE MAIN;

COMMENT ON TABLE public.issue_hours IS 'One issue in one UTC hour: HyperLogLog sets of event ids and of affected users (hashes only). Kept for eight days.';

CREATE TABLE public.issue_tags (
    issue_id bigint NOT NULL,
    date date NOT NULL,
    hash bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    release text,
    environment text,
    browser text,
    os text
);

COMMENT ON TABLE public.issue_tags IS 'Tags of a sample of an issue''s events on one UTC day.';

CREATE TABLE public.issues (
    id bigint NOT NULL,
    group_id text NOT NULL COLLATE pg_catalog."C",
    project_id text NOT NULL,
    message text NOT NULL,
    module text NOT NULL,
    stack_frames jsonb NOT NULL,
    first_seen timestamp with time zone NOT NULL,
    last_seen timestamp with time zone NOT NULL,
    changed_in xid8 DEFAULT '3'::xid8 NOT NULL,
    log_message text DEFAULT ''::text NOT NULL,
    first_release text,
    environment text
);

COMMENT ON COLUMN public.issues.last_seen IS 'Of the version before issue_activity.';

COMMENT ON COLUMN public.issues.changed_in IS 'Of the version before issue_activity. 3 is long ago: every snapshot sees it.';

COMMENT ON COLUMN public.issues.log_message IS 'The first event''s log message, where its exception is the message. Empty without one.';

COMMENT ON COLUMN public.issues.first_release IS 'The release of the first event; null where it names none, or was stored by an older version.';

COMMENT ON COLUMN public.issues.environment IS 'Of the first event.';

ALTER TABLE public.issues ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.issues_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.recipient_issues (
    recipient_id bigint NOT NULL,
    issue_id bigint NOT NULL,
    last_notified timestamp with time zone NOT NULL,
    triggers text[] DEFAULT '{}'::text[] NOT NULL,
    last_alerts jsonb DEFAULT '{}'::jsonb NOT NULL
);

COMMENT ON COLUMN public.recipient_issues.triggers IS 'The names of the triggers that notified the recipient of the issue.';

COMMENT ON COLUMN public.recipient_issues.last_alerts IS 'The last alert of each trigger by its name: when it was decided (at), and the issue''s counts over seven days then.';

CREATE TABLE public.recipients (
    id bigint NOT NULL,
    email text NOT NULL
);

ALTER TABLE public.recipients ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.recipients_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.silences (
    id bigint NOT NULL,
    issue_id bigint NOT NULL,
    trigger text,
    until timestamp with time zone,
    users_over bigint,
    because text NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    reevaluated_at timestamp with time zone,
    settled_by bigint,
    CONSTRAINT silences_check CHECK ((num_nonnulls(until, users_over) = 1))
);

COMMENT ON TABLE public.silences IS 'While a silence of an issue holds, the watcher drops the alerts about the issue.';

COMMENT ON COLUMN public.silences.trigger IS 'The name of the trigger whose alerts are dropped; null for all triggers.';

COMMENT ON COLUMN public.silences.users_over IS 'The silence ends when so many users are affected.';

COMMENT ON COLUMN public.silences.reevaluated_at IS 'The time of the first run after the end of the silence.';

COMMENT ON COLUMN public.silences.settled_by IS 'That run. Triggers whose last run is an earlier one evaluate the issue again. Null: a run of the version before.';

ALTER TABLE public.silences ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.silences_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.text_cleanings (
    rules integer NOT NULL,
    last_issue_id bigint NOT NULL
);

COMMENT ON TABLE public.text_cleanings IS 'Up to which issue texts were cleaned, by the version of the rules.';

CREATE TABLE public.trigger_progress (
    trigger text NOT NULL,
    run_id bigint NOT NULL,
    ran_at timestamp with time zone NOT NULL,
    snapshot pg_snapshot NOT NULL,
    changed_in xid8 DEFAULT pg_current_xact_id() NOT NULL,
    cluster bigint,
    left_out_since timestamp with time zone
);

COMMENT ON TABLE public.trigger_progress IS 'How far each trigger has evaluated, by its name.';

COMMENT ON COLUMN public.trigger_progress.run_id IS 'The last finished run with this trigger. There is one run at a time, so the ids have the order of the runs.';

COMMENT ON COLUMN public.trigger_progress.snapshot IS 'What that run saw. The trigger''s next run evaluates the issues that changed outside of it.';

COMMENT ON COLUMN public.trigger_progress.changed_in IS 'The transaction that wrote this row. In a database that was restored from a dump another one wrote it.';

COMMENT ON COLUMN public.trigger_progress.left_out_since IS 'A watcher leaves the trigger out since this run, because it ended its process in three runs in a row.';

CREATE TABLE public.trigger_runs (
    id bigint NOT NULL,
    ran_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    snapshot pg_snapshot NOT NULL,
    issue_count bigint DEFAULT 0 NOT NULL,
    alert_count bigint DEFAULT 0 NOT NULL,
    changed_in xid8,
    cluster bigint,
    by_activity boolean DEFAULT false NOT NULL,
    by_trigger boolean DEFAULT false NOT NULL
);

COMMENT ON COLUMN public.trigger_runs.snapshot IS 'What the run saw; the next run judges the issues that changed outside of it.';

COMMENT ON COLUMN public.trigger_runs.changed_in IS 'The run''s own transaction.';

COMMENT ON COLUMN public.trigger_runs.cluster IS 'The system identifier of the cluster it ran in: the snapshot counts that cluster''s transactions. Null where it is not to be had.';

COMMENT ON COLUMN public.trigger_runs.by_activity IS 'Whether the watcher reads issue_activity; false: the version before it.';

COMMENT ON COLUMN public.trigger_runs.by_trigger IS 'Whether the run is in trigger_progress; false: the version before it.';

ALTER TABLE public.trigger_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.trigger_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_run_id_trigger_recipient_id_issue_id_key UNIQUE (run_id, trigger, recipient_id, issue_id);

ALTER TABLE ONLY public.canaries
    ADD CONSTRAINT canaries_due_at_key UNIQUE (due_at);

ALTER TABLE ONLY public.canaries
    ADD CONSTRAINT canaries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.failed_evaluations
    ADD CONSTRAINT failed_evaluations_pkey PRIMARY KEY (trigger, issue_id);

ALTER TABLE ONLY public.issue_activity
    ADD CONSTRAINT issue_activity_pkey PRIMARY KEY (issue_id);

ALTER TABLE ONLY public.issue_buckets
    ADD CONSTRAINT issue_buckets_pkey PRIMARY KEY (issue_id, date);

ALTER TABLE ONLY public.issue_hours
    ADD CONSTRAINT issue_hours_pkey PRIMARY KEY (issue_id, hour);

ALTER TABLE ONLY public.issue_tags
    ADD CONSTRAINT issue_tags_pkey PRIMARY KEY (issue_id, date, hash);

ALTER TABLE ONLY public.issues
    ADD CONSTRAINT issues_group_id_key UNIQUE (group_id);

ALTER TABLE ONLY public.issues
    ADD CONSTRAINT issues_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.recipient_issues
    ADD CONSTRAINT recipient_issues_pkey PRIMARY KEY (recipient_id, issue_id);

ALTER TABLE ONLY public.recipients
    ADD CONSTRAINT recipients_email_key UNIQUE (email);

ALTER TABLE ONLY public.recipients
    ADD CONSTRAINT recipients_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.silences
    ADD CONSTRAINT silences_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.text_cleanings
    ADD CONSTRAINT text_cleanings_pkey PRIMARY KEY (rules);

ALTER TABLE ONLY public.trigger_progress
    ADD CONSTRAINT trigger_progress_pkey PRIMARY KEY (trigger);

ALTER TABLE ONLY public.trigger_runs
    ADD CONSTRAINT trigger_runs_pkey PRIMARY KEY (id);

CREATE INDEX alerts_issue ON public.alerts USING btree (issue_id);

CREATE INDEX alerts_outbox ON public.alerts USING btree (id) WHERE (status = 'pending'::text);

CREATE INDEX alerts_pending ON public.alerts USING btree (next_attempt_at, id) WHERE (status = 'pending'::text);

CREATE INDEX alerts_ses_message ON public.alerts USING btree (ses_message_id) WHERE (ses_message_id IS NOT NULL);

CREATE INDEX alerts_settled ON public.alerts USING btree (created_at) WHERE (status <> 'pending'::text);

CREATE INDEX canaries_issue ON public.canaries USING btree (issue_id) WHERE (issue_id IS NOT NULL);

CREATE INDEX issue_buckets_date ON public.issue_buckets USING btree (date);

CREATE INDEX issue_hours_hour ON public.issue_hours USING btree (hour);

CREATE INDEX issues_canary ON public.issues USING btree (id) WHERE (message ~~ '%bec-alerts-canary%'::text);

CREATE INDEX recipient_issues_issue ON public.recipient_issues USING btree (issue_id);

CREATE INDEX silences_settled ON public.silences USING btree (settled_by) WHERE (settled_by IS NOT NULL);

CREATE INDEX silences_unsettled ON public.silences USING btree (issue_id) WHERE (reevaluated_at IS NULL);

CREATE INDEX trigger_runs_before_progress ON public.trigger_runs USING btree (id) WHERE (NOT by_trigger);

CREATE TRIGGER copy_activity BEFORE UPDATE OF changed_in ON public.issues FOR EACH ROW WHEN ((new.changed_in = pg_current_xact_id())) EXECUTE FUNCTION public.copy_issue_activity();

CREATE TRIGGER copy_new_activity AFTER INSERT ON public.issues FOR EACH ROW WHEN ((new.changed_in = pg_current_xact_id())) EXECUTE FUNCTION public.copy_issue_activity();

CREATE TRIGGER delete_issue_tags AFTER DELETE ON public.issues FOR EACH ROW EXECUTE FUNCTION public.delete_issue_tags();

CREATE TRIGGER show_activity BEFORE INSERT ON public.trigger_runs FOR EACH ROW WHEN ((NOT new.by_activity)) EXECUTE FUNCTION public.show_issue_activity();

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES public.issues(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES public.recipients(id);

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.trigger_runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.canaries
    ADD CONSTRAINT canaries_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES public.issues(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.failed_evaluations
    ADD CONSTRAINT failed_evaluations_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES public.issues(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.issue_activity
    ADD CONSTRAINT issue_activity_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES public.issues(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.issue_buckets
    ADD CONSTRAINT issue_buckets_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES public.issues(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.issue_hours
    ADD CONSTRAINT issue_hours_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES public.issues(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.recipient_issues
    ADD CONSTRAINT recipient_issues_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES public.issues(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.recipient_issues
    ADD CONSTRAINT recipient_issues_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES public.recipients(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.silences
    ADD CONSTRAINT silences_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES public.issues(id) ON DELETE CASCADE;
