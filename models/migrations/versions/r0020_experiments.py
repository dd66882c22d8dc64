"""Experiments and looks at them."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE experiments (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    account_id BIGINT NOT NULL,
    ad_set_id TEXT NOT NULL,
    arms TEXT[] NOT NULL,
    metric TEXT NOT NULL,
    claim TEXT NOT NULL,
    alpha DOUBLE PRECISION NOT NULL,
    loss DOUBLE PRECISION NOT NULL,
    equal_within DOUBLE PRECISION NOT NULL,
    max_days INTEGER NOT NULL,
    planned_events DOUBLE PRECISION NOT NULL,
    ends_on_pick BOOLEAN NOT NULL,
    is_implicit BOOLEAN NOT NULL,
    declared_by TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    looked_at TIMESTAMP WITH TIME ZONE,
    first_day DATE NOT NULL,
    folded_day DATE NOT NULL,
    folded_hour SMALLINT NOT NULL,
    state TEXT NOT NULL,
    keep TEXT[] NOT NULL,
    lost TEXT[] DEFAULT '{}'::text[] NOT NULL,
    words TEXT NOT NULL,
    evidence JSONB NOT NULL,
    known JSONB,
    CONSTRAINT pk_experiments PRIMARY KEY (id),
    CONSTRAINT ck_experiments_metric CHECK (metric IN ('clicks', 'conversions', 'roas')),
    CONSTRAINT ck_experiments_claim CHECK (claim IN ('continuous', 'daily')),
    CONSTRAINT ck_experiments_state CHECK (
        state IN ('claimed', 'equivalent', 'picked', 'running', 'stopped', 'undecided')
    ),
    CONSTRAINT fk_experiments_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_experiments_account_id_ad_set_id ON experiments (account_id, ad_set_id);
CREATE UNIQUE INDEX uq_experiments_running ON experiments (account_id, ad_set_id) WHERE state = 'running';
CREATE TABLE experiment_looks (
    experiment_id BIGINT NOT NULL,
    looked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state TEXT NOT NULL,
    events DOUBLE PRECISION NOT NULL,
    log_e DOUBLE PRECISION NOT NULL,
    lead DOUBLE PRECISION NOT NULL,
    low DOUBLE PRECISION,
    high DOUBLE PRECISION,
    p_best DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_experiment_looks PRIMARY KEY (experiment_id, looked_at),
    CONSTRAINT ck_experiment_looks_state CHECK (
        state IN ('claimed', 'equivalent', 'picked', 'running', 'stopped', 'undecided')
    ),
    CONSTRAINT fk_experiment_looks_experiment_id FOREIGN KEY(experiment_id)
        REFERENCES experiments (id) ON DELETE CASCADE
);
"""

DOWN = """
DROP TABLE experiment_looks;
DROP TABLE experiments;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
