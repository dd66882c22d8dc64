"""Who may do what, what waits for a person, how far each module may go by itself."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE principals (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_principals PRIMARY KEY,
    name text NOT NULL CONSTRAINT uq_principals_name UNIQUE,
    role text NOT NULL CONSTRAINT ck_principals_role CHECK (role IN ('admin', 'manager', 'viewer')),
    token_hash text CONSTRAINT uq_principals_token_hash UNIQUE,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_by text,
    disabled_at timestamptz
);
ALTER TABLE actions
    ADD COLUMN proposed_by text NOT NULL DEFAULT '',
    ADD COLUMN module text,
    ADD COLUMN needs_approval boolean NOT NULL DEFAULT false,
    ADD COLUMN undoes bigint CONSTRAINT fk_actions_undoes REFERENCES actions (id) ON DELETE SET NULL,
    ADD COLUMN read_to_write_ms integer,
    ADD COLUMN discriminator text NOT NULL DEFAULT '',
    ADD COLUMN judged_on jsonb NOT NULL DEFAULT '{}'::jsonb;
ALTER TABLE actions DROP CONSTRAINT uq_actions_run_id_kind_object_id_rule,
    ADD CONSTRAINT uq_actions_run_id_kind_object_id_rule_discriminator
    UNIQUE (run_id, kind, object_id, rule, discriminator);
CREATE INDEX ix_actions_taken ON actions (account_id, decided_at) WHERE blocked_by IS NULL;
CREATE INDEX ix_actions_waiting ON actions (account_id, id) WHERE state = 'awaiting_approval';
CREATE INDEX ix_actions_undoes ON actions (undoes) WHERE undoes IS NOT NULL;
CREATE TABLE approvals (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_approvals PRIMARY KEY,
    action_id bigint NOT NULL CONSTRAINT fk_approvals_action_id REFERENCES actions (id) ON DELETE CASCADE,
    request_hash text NOT NULL,
    decision text NOT NULL CONSTRAINT ck_approvals_decision CHECK (decision IN ('approved', 'rejected')),
    reason text NOT NULL DEFAULT '',
    decided_by bigint NOT NULL CONSTRAINT fk_approvals_decided_by REFERENCES principals (id),
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    used_at timestamptz,
    withdrawn_by text,
    withdrawn_at timestamptz
);
CREATE INDEX ix_approvals_action_id ON approvals (action_id);
CREATE UNIQUE INDEX uq_approvals_standing ON approvals (action_id)
    WHERE decision = 'approved' AND withdrawn_at IS NULL;
CREATE TABLE module_levels (
    account_id bigint NOT NULL CONSTRAINT fk_module_levels_account_id REFERENCES accounts (id) ON DELETE CASCADE,
    module text NOT NULL,
    level text NOT NULL CONSTRAINT ck_module_levels_level CHECK (level IN ('approve', 'auto', 'observe', 'propose')),
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_module_levels PRIMARY KEY (account_id, module)
);
ALTER TABLE accounts DROP CONSTRAINT ck_accounts_level, ADD CONSTRAINT ck_accounts_level
    CHECK (level IN ('approve', 'auto', 'observe', 'propose')),
    ADD COLUMN max_worst_day_minor bigint CONSTRAINT ck_accounts_worst_day CHECK (max_worst_day_minor > 0),
    ADD COLUMN max_change_without_approval_minor bigint
    CONSTRAINT ck_accounts_change_without_approval CHECK (max_change_without_approval_minor >= 0);
ALTER TABLE runs DROP CONSTRAINT ck_runs_level, ADD CONSTRAINT ck_runs_level
    CHECK (level IN ('approve', 'auto', 'observe', 'propose'));

-- What was decided on and judged stays as it was inserted, from the first instant on: a person approves a row, and
-- what they saw is what is sent.
CREATE OR REPLACE FUNCTION guard_action() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.account_id, NEW.kind, NEW.object_kind, NEW.object_id, NEW.op_token)
        IS DISTINCT FROM (OLD.account_id, OLD.kind, OLD.object_kind, OLD.object_id, OLD.op_token) THEN
        RAISE EXCEPTION 'action % keeps its account, kind, object and token', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.expected_before, NEW.target, NEW.proposed_by, NEW.needs_approval)
        IS DISTINCT FROM (OLD.expected_before, OLD.target, OLD.proposed_by, OLD.needs_approval) THEN
        RAISE EXCEPTION 'action % keeps its values, its proposer and its need of approval', OLD.id
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

-- An approval is used by the very step that marks its action sent, and given back by the one that takes this back: no
-- path of the application can forget either. `actions/approvals.py` says why one does not stand, this is the last word.
CREATE FUNCTION use_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'approved' THEN
        UPDATE approvals SET used_at = NULL
            WHERE action_id = NEW.id AND decision = 'approved' AND withdrawn_at IS NULL;
        RETURN NEW;
    END IF;
    UPDATE approvals SET used_at = clock_timestamp()
        FROM principals
        WHERE principals.id = approvals.decided_by AND principals.disabled_at IS NULL
            AND principals.name <> NEW.proposed_by AND approvals.action_id = NEW.id
            AND approvals.decision = 'approved' AND approvals.withdrawn_at IS NULL AND approvals.used_at IS NULL
            AND approvals.expires_at > clock_timestamp();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'action % needs an approval, and none stands: it is not sent', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER use_approval BEFORE UPDATE OF state ON actions
    FOR EACH ROW WHEN (NEW.needs_approval AND OLD.state <> NEW.state
        AND (NEW.state = 'sent' OR NEW.state = 'approved' AND OLD.state = 'sent'))
    EXECUTE FUNCTION use_approval();

CREATE FUNCTION guard_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.action_id, NEW.request_hash, NEW.decision, NEW.reason, NEW.decided_by, NEW.decided_at, NEW.expires_at)
        IS DISTINCT FROM
        (OLD.action_id, OLD.request_hash, OLD.decision, OLD.reason, OLD.decided_by, OLD.decided_at, OLD.expires_at)
        OR OLD.withdrawn_at IS NOT NULL THEN
        RAISE EXCEPTION 'approval % stays as it was given', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_approval BEFORE UPDATE ON approvals FOR EACH ROW EXECUTE FUNCTION guard_approval();
"""

DOWN = """
DROP TRIGGER use_approval ON actions;
DROP FUNCTION use_approval();
ALTER TABLE runs DROP CONSTRAINT ck_runs_level, ADD CONSTRAINT ck_runs_level CHECK (level IN ('auto', 'observe'));
ALTER TABLE accounts DROP CONSTRAINT ck_accounts_level, ADD CONSTRAINT ck_accounts_level
    CHECK (level IN ('auto', 'observe')),
    DROP COLUMN max_worst_day_minor, DROP COLUMN max_change_without_approval_minor;
DROP TABLE module_levels;
DROP TABLE approvals;
DROP FUNCTION guard_approval();
DROP INDEX ix_actions_undoes;
DROP INDEX ix_actions_waiting;
DROP INDEX ix_actions_taken;
ALTER TABLE actions DROP CONSTRAINT uq_actions_run_id_kind_object_id_rule_discriminator,
    ADD CONSTRAINT uq_actions_run_id_kind_object_id_rule UNIQUE (run_id, kind, object_id, rule);
ALTER TABLE actions DROP COLUMN proposed_by, DROP COLUMN module, DROP COLUMN needs_approval, DROP COLUMN undoes,
    DROP COLUMN read_to_write_ms, DROP COLUMN discriminator, DROP COLUMN judged_on;
DROP TABLE principals;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
