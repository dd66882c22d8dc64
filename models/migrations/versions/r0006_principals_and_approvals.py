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
"""

DOWN = """
ALTER TABLE runs DROP CONSTRAINT ck_runs_level, ADD CONSTRAINT ck_runs_level CHECK (level IN ('auto', 'observe'));
ALTER TABLE accounts DROP CONSTRAINT ck_accounts_level, ADD CONSTRAINT ck_accounts_level
    CHECK (level IN ('auto', 'observe')), DROP COLUMN max_worst_day_minor, DROP COLUMN max_change_without_approval_minor;
DROP TABLE module_levels;
DROP TABLE approvals;
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
