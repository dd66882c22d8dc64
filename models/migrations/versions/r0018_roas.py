"""What the ROAS engine learnt: maturity curves, posteriors, forecasts."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE maturity_curves (
    account_id BIGINT NOT NULL,
    share DOUBLE PRECISION[] NOT NULL,
    cohorts DOUBLE PRECISION NOT NULL,
    learnt_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_maturity_curves PRIMARY KEY (account_id),
    CONSTRAINT fk_maturity_curves_account_id_accounts FOREIGN KEY(account_id)
        REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE roas_estimates (
    account_id BIGINT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    spend_minor DOUBLE PRECISION NOT NULL,
    purchases DOUBLE PRECISION NOT NULL,
    maturity DOUBLE PRECISION NOT NULL,
    roas_now DOUBLE PRECISION NOT NULL,
    log_median DOUBLE PRECISION NOT NULL,
    log_sd DOUBLE PRECISION NOT NULL,
    order_value_minor DOUBLE PRECISION NOT NULL,
    ahead_days SMALLINT NOT NULL,
    ahead_spend_minor DOUBLE PRECISION NOT NULL,
    ahead_roas DOUBLE PRECISION NOT NULL,
    ahead_roas_low DOUBLE PRECISION NOT NULL,
    ahead_roas_high DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_roas_estimates PRIMARY KEY (account_id, object_kind, object_id),
    CONSTRAINT fk_roas_estimates_account_id_accounts FOREIGN KEY(account_id)
        REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT ck_roas_estimates_object_kind CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative'))
);
CREATE TABLE roas_forecasts (
    account_id BIGINT NOT NULL,
    first_day DATE NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    days SMALLINT NOT NULL,
    spend_minor DOUBLE PRECISION NOT NULL,
    roas DOUBLE PRECISION NOT NULL,
    roas_low DOUBLE PRECISION NOT NULL,
    roas_high DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_roas_forecasts PRIMARY KEY (account_id, first_day, object_kind, object_id),
    CONSTRAINT fk_roas_forecasts_account_id_accounts FOREIGN KEY(account_id)
        REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT ck_roas_forecasts_object_kind CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative'))
);
"""

DOWN = """
DROP TABLE roas_forecasts;
DROP TABLE roas_estimates;
DROP TABLE maturity_curves;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
