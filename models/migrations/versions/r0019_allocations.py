"""What the optimizer wanted and what came of it."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE allocations (
    account_id BIGINT NOT NULL,
    planned_on DATE NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    planned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    action_id BIGINT,
    budget_minor BIGINT NOT NULL,
    target_minor BIGINT NOT NULL,
    revenue_minor BIGINT NOT NULL,
    target_revenue_minor BIGINT NOT NULL,
    worth DOUBLE PRECISION NOT NULL,
    price DOUBLE PRECISION NOT NULL,
    gain_minor BIGINT NOT NULL,
    noise_minor BIGINT NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    days INTEGER,
    spent_minor BIGINT,
    matured_minor BIGINT,
    realised_minor BIGINT,
    CONSTRAINT pk_allocations PRIMARY KEY (account_id, planned_on, object_kind, object_id),
    CONSTRAINT fk_allocations_account_id_accounts FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT fk_allocations_action_id_actions FOREIGN KEY(action_id) REFERENCES actions (id) ON DELETE SET NULL,
    CONSTRAINT ck_allocations_object_kind CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative'))
);
CREATE INDEX ix_allocations_open ON allocations (account_id, planned_on) WHERE settled_at IS NULL;
CREATE INDEX ix_allocations_action ON allocations (action_id);
"""

DOWN = """
DROP TABLE allocations;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
