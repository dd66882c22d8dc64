"""Backtests and the levels that were given and taken on their evidence."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE backtests (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    account_id BIGINT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    policy TEXT NOT NULL,
    over_policy TEXT NOT NULL,
    cases INTEGER NOT NULL,
    days INTEGER NOT NULL,
    gain_minor FLOAT NOT NULL,
    low_minor FLOAT,
    high_minor FLOAT,
    detail JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT pk_backtests PRIMARY KEY (id),
    CONSTRAINT fk_backtests_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_backtests_account ON backtests (account_id, made_at);
CREATE TABLE promotions (
    account_id BIGINT NOT NULL,
    module TEXT NOT NULL,
    advised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    move TEXT NOT NULL,
    level TEXT NOT NULL,
    to_level TEXT NOT NULL,
    streak INTEGER NOT NULL,
    demoted_at TIMESTAMP WITH TIME ZONE,
    reasons JSONB DEFAULT '[]'::jsonb NOT NULL,
    missing JSONB DEFAULT '[]'::jsonb NOT NULL,
    evidence JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT pk_promotions PRIMARY KEY (account_id, module),
    CONSTRAINT ck_promotions_move CHECK (move IN ('demote', 'keep', 'promote')),
    CONSTRAINT ck_promotions_level CHECK (level IN ('approve', 'auto', 'observe', 'propose')),
    CONSTRAINT fk_promotions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
"""

DOWN = """
DROP TABLE promotions;
DROP TABLE backtests;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
