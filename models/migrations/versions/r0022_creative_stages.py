"""Where each ad stands in its life."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE creative_stages (
    account_id BIGINT NOT NULL,
    ad_id TEXT NOT NULL,
    stage TEXT NOT NULL,
    probability DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL,
    words TEXT NOT NULL,
    evidence JSONB DEFAULT '{}'::jsonb NOT NULL,
    since DATE,
    rates DOUBLE PRECISION[] NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_creative_stages PRIMARY KEY (account_id, ad_id),
    CONSTRAINT fk_creative_stages_account_id_accounts FOREIGN KEY(account_id)
        REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT ck_creative_stages_stage
        CHECK (stage IN ('fatigued', 'new', 'rising', 'steady', 'tiring', 'unknown'))
);
CREATE INDEX ix_creative_stages_stage ON creative_stages (account_id, stage);
CREATE TABLE creative_states (
    account_id BIGINT NOT NULL,
    part SMALLINT NOT NULL,
    version SMALLINT NOT NULL,
    upto DATE NOT NULL,
    ratio DOUBLE PRECISION NOT NULL,
    certainty DOUBLE PRECISION NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT pk_creative_states PRIMARY KEY (account_id, part),
    CONSTRAINT fk_creative_states_account_id_accounts FOREIGN KEY(account_id)
        REFERENCES accounts (id) ON DELETE CASCADE
);
"""

DOWN = """
DROP TABLE creative_states;
DROP TABLE creative_stages;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
