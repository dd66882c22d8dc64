"""Targets of spend and where the account stands."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE account_hours (
    account_id BIGINT NOT NULL,
    day DATE NOT NULL,
    hour SMALLINT NOT NULL,
    impressions BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    spend_minor BIGINT NOT NULL,
    purchases BIGINT NOT NULL,
    revenue_minor BIGINT NOT NULL,
    read_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_account_hours PRIMARY KEY (account_id, day, hour),
    CONSTRAINT fk_account_hours_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE live_readings (
    account_id BIGINT NOT NULL,
    read_at TIMESTAMP WITH TIME ZONE NOT NULL,
    object_kind TEXT NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    day DATE NOT NULL,
    source TEXT NOT NULL,
    is_whole BOOLEAN NOT NULL,
    object_ids TEXT[] NOT NULL,
    parent_ids TEXT[] NOT NULL,
    impressions BIGINT[] NOT NULL,
    clicks BIGINT[] NOT NULL,
    spend_minor BIGINT[] NOT NULL,
    purchases BIGINT[] NOT NULL,
    revenue_minor BIGINT[] NOT NULL,
    CONSTRAINT pk_live_readings PRIMARY KEY (account_id, read_at, object_kind),
    CONSTRAINT ck_live_readings_object_kind CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative')),
    CONSTRAINT ck_live_readings_source CHECK (source IN ('collector', 'platform')),
    CONSTRAINT fk_live_readings_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE pacing_states (
    account_id BIGINT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    spans JSONB DEFAULT '[]'::jsonb NOT NULL,
    objects JSONB DEFAULT '[]'::jsonb NOT NULL,
    warnings JSONB DEFAULT '[]'::jsonb NOT NULL,
    day_targets JSONB DEFAULT '{}'::jsonb NOT NULL,
    top_budgets JSONB DEFAULT '{}'::jsonb NOT NULL,
    budgets_since TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_pacing_states PRIMARY KEY (account_id),
    CONSTRAINT fk_pacing_states_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
"""

DOWN = """
DROP TABLE pacing_states;
DROP TABLE live_readings;
DROP TABLE account_hours;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
