"""The fence and the ledger, with the rules that only the database can keep for everyone."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE fence (
    id SMALLINT NOT NULL,
    closed BOOLEAN DEFAULT false NOT NULL,
    epoch INTEGER DEFAULT 0 NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    changed_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_fence PRIMARY KEY (id),
    CONSTRAINT ck_fence_single CHECK (id = 1)
);
CREATE TABLE actions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    account_id BIGINT NOT NULL,
    run_id BIGINT,
    kind TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    object_name TEXT NOT NULL,
    expected_before JSONB DEFAULT '{}'::jsonb NOT NULL,
    target JSONB DEFAULT '{}'::jsonb NOT NULL,
    rule TEXT NOT NULL,
    priority SMALLINT NOT NULL,
    reason TEXT NOT NULL,
    evidence JSONB DEFAULT '{}'::jsonb NOT NULL,
    verdicts JSONB DEFAULT '[]'::jsonb NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT DEFAULT '' NOT NULL,
    op_token TEXT NOT NULL,
    cap_reserved_minor BIGINT DEFAULT 0 NOT NULL,
    epoch INTEGER DEFAULT 0 NOT NULL,
    lease_owner TEXT,
    lease_until timestamptz,
    next_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    crash_count INTEGER DEFAULT 0 NOT NULL,
    sent_at timestamptz,
    sent_platform_at timestamptz,
    send_deadline_at timestamptz,
    quarantine_until timestamptz,
    result_object_id TEXT,
    last_error JSONB,
    decided_at timestamptz NOT NULL,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamptz,
    CONSTRAINT pk_actions PRIMARY KEY (id),
    CONSTRAINT uq_actions_run_id_kind_object_id_rule UNIQUE (run_id, kind, object_id, rule),
    CONSTRAINT ck_actions_kind CHECK (
        kind IN ('activate', 'create_ad', 'create_ad_set', 'create_campaign', 'create_creative',
        'emergency_pause', 'mark_fatigued', 'pause', 'propose_variant', 'set_daily_budget')),
    CONSTRAINT ck_actions_object_kind CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative')),
    CONSTRAINT ck_actions_state CHECK (
        state IN ('applied', 'approved', 'awaiting_approval', 'blocked', 'cancelled', 'conflict', 'dead',
        'not_applied', 'observed', 'proposed', 'refused', 'sent', 'unknown')),
    CONSTRAINT ck_actions_reservation CHECK (cap_reserved_minor >= 0),
    CONSTRAINT fk_actions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT fk_actions_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE SET NULL,
    CONSTRAINT uq_actions_op_token UNIQUE (op_token)
);
CREATE INDEX ix_actions_due ON actions (next_at) WHERE state IN ('approved', 'sent', 'unknown');
CREATE INDEX ix_actions_object ON actions (account_id, object_id, created_at);
CREATE INDEX ix_actions_run ON actions (run_id);
CREATE UNIQUE INDEX uq_actions_open_object ON actions (account_id, object_kind, object_id)
    WHERE state IN ('approved', 'sent', 'unknown')
    AND kind NOT IN ('create_ad', 'create_ad_set', 'create_campaign', 'create_creative');
CREATE TABLE action_transitions (
    before_state TEXT NOT NULL,
    after_state TEXT NOT NULL,
    CONSTRAINT pk_action_transitions PRIMARY KEY (before_state, after_state)
);
CREATE TABLE action_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    action_id BIGINT NOT NULL,
    at timestamptz DEFAULT clock_timestamp() NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL,
    before_state TEXT,
    after_state TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    detail JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT pk_action_events PRIMARY KEY (id),
    CONSTRAINT fk_action_events_action_id FOREIGN KEY(action_id) REFERENCES actions (id) ON DELETE CASCADE
);
CREATE INDEX ix_action_events_action_id ON action_events (action_id);
INSERT INTO fence (id) VALUES (1);

INSERT INTO action_transitions (before_state, after_state) VALUES
    ('proposed', 'blocked'),
    ('proposed', 'observed'),
    ('proposed', 'awaiting_approval'),
    ('proposed', 'approved'),
    ('proposed', 'applied'),
    ('awaiting_approval', 'approved'),
    ('awaiting_approval', 'cancelled'),
    ('approved', 'blocked'),
    ('approved', 'sent'),
    ('approved', 'applied'),
    ('approved', 'refused'),
    ('approved', 'conflict'),
    ('approved', 'cancelled'),
    ('approved', 'dead'),
    ('sent', 'approved'),
    ('sent', 'unknown'),
    ('sent', 'applied'),
    ('sent', 'refused'),
    ('unknown', 'applied'),
    ('unknown', 'not_applied');

-- A row moves only along the table above, and what was decided on stays as it was decided: the object and the token
-- for ever, the values once the row was written ahead of a send (guardrails may still trim an approved target).
CREATE FUNCTION guard_action() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.account_id, NEW.kind, NEW.object_kind, NEW.object_id, NEW.op_token)
        IS DISTINCT FROM (OLD.account_id, OLD.kind, OLD.object_kind, OLD.object_id, OLD.op_token) THEN
        RAISE EXCEPTION 'action % keeps its account, kind, object and token', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state NOT IN ('proposed', 'awaiting_approval', 'approved')
        AND (NEW.expected_before, NEW.target) IS DISTINCT FROM (OLD.expected_before, OLD.target) THEN
        RAISE EXCEPTION 'action % is %: its values can no longer change', OLD.id, OLD.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT EXISTS (
        SELECT FROM action_transitions WHERE before_state = OLD.state AND after_state = NEW.state
    ) THEN
        RAISE EXCEPTION 'action % cannot go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_action BEFORE UPDATE ON actions FOR EACH ROW EXECUTE FUNCTION guard_action();

-- The audit is only added to. A row goes only together with its action: the cascade runs inside the trigger of the
-- foreign key, which is what depth 2 says.
CREATE FUNCTION guard_action_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'action_events is append-only: % refused', TG_OP USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER guard_action_events BEFORE UPDATE OR DELETE ON action_events
    FOR EACH ROW EXECUTE FUNCTION guard_action_events();
CREATE TRIGGER guard_action_events_truncate BEFORE TRUNCATE ON action_events
    FOR EACH STATEMENT EXECUTE FUNCTION guard_action_events();
"""

DOWN = """
DROP TABLE action_events;
DROP TABLE action_transitions;
DROP TABLE actions;
DROP TABLE fence;
DROP FUNCTION guard_action_events();
DROP FUNCTION guard_action();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
