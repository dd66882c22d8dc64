"""An account's budget of calls, its retry budget and its circuit breakers."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE quotas (
    platform text NOT NULL,
    mode text NOT NULL,
    account text NOT NULL,
    account_share double precision,
    business_share double precision,
    insights_share double precision,
    reported_at timestamptz,
    score_limit double precision,
    taken double precision NOT NULL DEFAULT 0,
    taken_before double precision NOT NULL DEFAULT 0,
    taken_epoch bigint NOT NULL DEFAULT 0,
    regain_at timestamptz,
    regain_reason text NOT NULL DEFAULT '',
    retry_tenths integer NOT NULL DEFAULT 200 CONSTRAINT ck_quotas_retry_tenths CHECK (
        retry_tenths BETWEEN 0 AND 200),
    calls bigint NOT NULL DEFAULT 0,
    kept_back bigint NOT NULL DEFAULT 0,
    CONSTRAINT pk_quotas PRIMARY KEY (platform, mode, account)
) WITH (fillfactor = 50);
CREATE TABLE breakers (
    platform text NOT NULL,
    mode text NOT NULL,
    account text NOT NULL,
    kind text NOT NULL CONSTRAINT ck_breakers_kind CHECK (kind IN ('insights', 'read', 'write')),
    recent text NOT NULL DEFAULT '',
    is_open boolean NOT NULL DEFAULT false,
    probe_at timestamptz,
    openings integer NOT NULL DEFAULT 0,
    CONSTRAINT pk_breakers PRIMARY KEY (platform, mode, account, kind)
) WITH (fillfactor = 50);
"""

DOWN = """
DROP TABLE breakers;
DROP TABLE quotas;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
