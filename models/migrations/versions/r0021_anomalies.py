"""What is usual for each object, and what was not."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE anomaly_states (
    account_id BIGINT NOT NULL,
    object_kind TEXT NOT NULL,
    version SMALLINT NOT NULL,
    upto TIMESTAMP WITH TIME ZONE NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT pk_anomaly_states PRIMARY KEY (account_id, object_kind),
    CONSTRAINT fk_anomaly_states_account_id_accounts FOREIGN KEY(account_id) REFERENCES accounts (id)
        ON DELETE CASCADE,
    CONSTRAINT ck_anomaly_states_object_kind
        CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative'))
);
CREATE TABLE anomalies (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    account_id BIGINT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    is_up BOOLEAN NOT NULL,
    cause TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    upto TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    expected FLOAT NOT NULL,
    seen FLOAT NOT NULL,
    q_value FLOAT NOT NULL,
    words TEXT NOT NULL,
    evidence JSONB DEFAULT '{}'::jsonb NOT NULL,
    noted_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_anomalies PRIMARY KEY (id),
    CONSTRAINT fk_anomalies_account_id_accounts FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT ck_anomalies_object_kind CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative')),
    CONSTRAINT ck_anomalies_cause CHECK (cause IN ('market', 'own', 'platform', 'tracking', 'unexplained'))
);
CREATE UNIQUE INDEX uq_anomalies_open ON anomalies (account_id, object_kind, object_id, metric)
    WHERE closed_at IS NULL;
CREATE INDEX ix_anomalies_account_id_since ON anomalies (account_id, since);
CREATE TABLE anomaly_incidents (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    account_id BIGINT NOT NULL,
    cause TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    quiet INTEGER NOT NULL,
    velocity_cap_minor BIGINT NOT NULL,
    words TEXT NOT NULL,
    noted_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_anomaly_incidents PRIMARY KEY (id),
    CONSTRAINT fk_anomaly_incidents_account_id_accounts FOREIGN KEY(account_id) REFERENCES accounts (id)
        ON DELETE CASCADE,
    CONSTRAINT ck_anomaly_incidents_cause CHECK (cause IN ('market', 'own', 'platform', 'tracking', 'unexplained'))
);
CREATE UNIQUE INDEX uq_anomaly_incidents_open ON anomaly_incidents (account_id) WHERE closed_at IS NULL;
CREATE TABLE anomaly_hours (
    account_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    spend_minor BIGINT NOT NULL,
    impressions BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    purchases BIGINT NOT NULL,
    expected_minor FLOAT NOT NULL,
    low_minor FLOAT NOT NULL,
    high_minor FLOAT NOT NULL,
    usual_cpm_minor FLOAT NOT NULL,
    CONSTRAINT pk_anomaly_hours PRIMARY KEY (account_id, at),
    CONSTRAINT fk_anomaly_hours_account_id_accounts FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
"""

DOWN = """
DROP TABLE anomaly_hours;
DROP TABLE anomaly_incidents;
DROP TABLE anomalies;
DROP TABLE anomaly_states;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
