"""Emergency stops: what each closed, what it paused, and the only actions that a closed fence admits."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE stops (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_stops PRIMARY KEY,
    account_id bigint CONSTRAINT fk_stops_account_id REFERENCES accounts (id) ON DELETE CASCADE,
    reason text NOT NULL,
    actor text NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    quiet_at timestamptz,
    fenced_at timestamptz,
    paused_at timestamptz,
    in_doubt jsonb NOT NULL DEFAULT '[]'::jsonb,
    pauses boolean NOT NULL DEFAULT false,
    listed_at timestamptz,
    opened_at timestamptz,
    opened_by text
);
CREATE UNIQUE INDEX uq_stops_open ON stops (coalesce(account_id, 0)) WHERE opened_at IS NULL;
ALTER TABLE actions ADD COLUMN looks integer NOT NULL DEFAULT 0, ADD COLUMN requeued_at timestamptz;
ALTER TABLE actions ADD COLUMN stop_id bigint CONSTRAINT fk_actions_stop_id REFERENCES stops (id) ON DELETE CASCADE,
    ADD CONSTRAINT ck_actions_stop CHECK ((kind = 'emergency_pause') = (stop_id IS NOT NULL)),
    DROP CONSTRAINT ck_actions_kind, ADD CONSTRAINT ck_actions_kind CHECK (
        kind IN ('activate', 'archive', 'create_ad', 'create_ad_set', 'create_campaign', 'create_creative',
        'emergency_pause', 'mark_fatigued', 'pause', 'propose_variant', 'set_daily_budget'));
CREATE TABLE stop_items (
    stop_id bigint NOT NULL CONSTRAINT fk_stop_items_stop_id REFERENCES stops (id) ON DELETE CASCADE,
    account_id bigint NOT NULL CONSTRAINT fk_stop_items_account_id REFERENCES accounts (id) ON DELETE CASCADE,
    object_kind text NOT NULL,
    object_id text NOT NULL,
    object_name text NOT NULL,
    status_before text NOT NULL,
    spend_minor bigint NOT NULL DEFAULT 0,
    action_id bigint CONSTRAINT fk_stop_items_action_id REFERENCES actions (id) ON DELETE SET NULL,
    resume_action_id bigint CONSTRAINT fk_stop_items_resume_action_id REFERENCES actions (id) ON DELETE SET NULL,
    note text NOT NULL DEFAULT '',
    CONSTRAINT pk_stop_items PRIMARY KEY (stop_id, account_id, object_kind, object_id),
    CONSTRAINT ck_stop_items_object_kind CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative'))
);
CREATE TABLE orphans (
    account_id bigint NOT NULL CONSTRAINT fk_orphans_account_id REFERENCES accounts (id) ON DELETE CASCADE,
    object_kind text NOT NULL,
    object_id text NOT NULL,
    object_name text NOT NULL,
    status text NOT NULL,
    made_at timestamptz NOT NULL,
    action_id bigint CONSTRAINT fk_orphans_action_id REFERENCES actions (id) ON DELETE SET NULL,
    why text NOT NULL,
    spend_minor bigint NOT NULL DEFAULT 0,
    archive_action_id bigint CONSTRAINT fk_orphans_archive_action_id REFERENCES actions (id) ON DELETE SET NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_orphans PRIMARY KEY (account_id, object_kind, object_id),
    CONSTRAINT ck_orphans_object_kind CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative'))
);
-- An emergency pause stands beside whatever else is open on its object; a second one does not.
DROP INDEX uq_actions_open_object;
CREATE UNIQUE INDEX uq_actions_open_object ON actions (account_id, object_kind, object_id)
    WHERE state IN ('approved', 'sent', 'unknown')
    AND kind NOT IN ('create_ad', 'create_ad_set', 'create_campaign', 'create_creative', 'emergency_pause');
CREATE UNIQUE INDEX uq_actions_open_emergency ON actions (account_id, object_kind, object_id)
    WHERE state IN ('approved', 'sent', 'unknown') AND kind = 'emergency_pause';
INSERT INTO action_transitions (before_state, after_state) VALUES
    ('unknown', 'dead'), ('dead', 'approved'), ('dead', 'unknown');

-- An emergency pause is admitted by a closed fence, so that it must belong to a stop that is open and covers its
-- account, as it comes in and as it is sent. FOR SHARE: the stop cannot be opened in between.
CREATE FUNCTION guard_emergency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM stops WHERE id = NEW.stop_id AND opened_at IS NULL
        AND (account_id IS NULL OR account_id = NEW.account_id) FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'stop % is not open for account %: it pauses nothing', NEW.stop_id, NEW.account_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_emergency_added BEFORE INSERT ON actions
    FOR EACH ROW WHEN (NEW.kind = 'emergency_pause') EXECUTE FUNCTION guard_emergency();
CREATE TRIGGER guard_emergency_sent BEFORE UPDATE OF state, stop_id ON actions
    FOR EACH ROW WHEN (NEW.kind = 'emergency_pause'
        AND (NEW.state = 'sent' AND OLD.state <> 'sent' OR NEW.stop_id IS DISTINCT FROM OLD.stop_id))
    EXECUTE FUNCTION guard_emergency();

-- What a stop was stays as it was; it is opened once, and its times are written once.
CREATE FUNCTION guard_stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.account_id, NEW.reason, NEW.actor, NEW.closed_at)
        IS DISTINCT FROM (OLD.account_id, OLD.reason, OLD.actor, OLD.closed_at) THEN
        RAISE EXCEPTION 'stop % keeps its scope, reason, actor and instant', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.opened_at IS NOT NULL AND (NEW.opened_at, NEW.opened_by) IS DISTINCT FROM (OLD.opened_at, OLD.opened_by) THEN
        RAISE EXCEPTION 'stop % was opened already', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.quiet_at IS NOT NULL AND NEW.quiet_at IS DISTINCT FROM OLD.quiet_at
        OR OLD.fenced_at IS NOT NULL AND NEW.fenced_at IS DISTINCT FROM OLD.fenced_at
        OR OLD.paused_at IS NOT NULL AND NEW.paused_at IS DISTINCT FROM OLD.paused_at
        OR OLD.listed_at IS NOT NULL AND NEW.listed_at IS DISTINCT FROM OLD.listed_at THEN
        RAISE EXCEPTION 'stop % has its times already', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_stop BEFORE UPDATE ON stops FOR EACH ROW EXECUTE FUNCTION guard_stop();
"""

DOWN = """
DROP TRIGGER guard_emergency_sent ON actions;
DROP TRIGGER guard_emergency_added ON actions;
DROP FUNCTION guard_emergency();
DELETE FROM action_transitions WHERE (before_state, after_state) IN
    (('unknown', 'dead'), ('dead', 'approved'), ('dead', 'unknown'));
DROP INDEX uq_actions_open_emergency;
DROP INDEX uq_actions_open_object;
CREATE UNIQUE INDEX uq_actions_open_object ON actions (account_id, object_kind, object_id)
    WHERE state IN ('approved', 'sent', 'unknown')
    AND kind NOT IN ('create_ad', 'create_ad_set', 'create_campaign', 'create_creative');
DROP TABLE orphans;
DROP TABLE stop_items;
ALTER TABLE actions DROP COLUMN looks, DROP COLUMN requeued_at;
ALTER TABLE actions DROP COLUMN stop_id, DROP CONSTRAINT ck_actions_kind, ADD CONSTRAINT ck_actions_kind CHECK (
        kind IN ('activate', 'create_ad', 'create_ad_set', 'create_campaign', 'create_creative',
        'emergency_pause', 'mark_fatigued', 'pause', 'propose_variant', 'set_daily_budget'));
DROP TABLE stops;
DROP FUNCTION guard_stop();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
