"""What people changed by hand, and until when we leave it alone."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE accounts ADD COLUMN activities_read_at timestamptz;
CREATE TABLE hand_edits (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_hand_edits PRIMARY KEY,
    account_id bigint NOT NULL CONSTRAINT fk_hand_edits_account_id REFERENCES accounts (id) ON DELETE CASCADE,
    object_kind text NOT NULL,
    object_id text NOT NULL,
    event text NOT NULL,
    actor_id text NOT NULL DEFAULT '',
    actor_name text NOT NULL DEFAULT '',
    before jsonb NOT NULL DEFAULT '{}'::jsonb,
    after jsonb NOT NULL DEFAULT '{}'::jsonb,
    edited_at timestamptz NOT NULL,
    hands_off_until timestamptz NOT NULL,
    found_by text NOT NULL,
    action_id bigint CONSTRAINT fk_hand_edits_action_id REFERENCES actions (id) ON DELETE SET NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    released_at timestamptz,
    released_by text,
    release_reason text,
    CONSTRAINT uq_hand_edits_edit
        UNIQUE (account_id, object_kind, object_id, edited_at, event, actor_id, after),
    CONSTRAINT ck_hand_edits_object_kind CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative')),
    CONSTRAINT ck_hand_edits_found_by CHECK (found_by IN ('activities', 'overwritten', 'precheck'))
);
CREATE INDEX ix_hand_edits_until ON hand_edits (account_id, hands_off_until) WHERE released_at IS NULL;
CREATE INDEX ix_hand_edits_action_id ON hand_edits (action_id) WHERE action_id IS NOT NULL;
"""

DOWN = """
DROP TABLE hand_edits;
ALTER TABLE accounts DROP COLUMN activities_read_at;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
