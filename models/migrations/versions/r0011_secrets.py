"""Tokens, encrypted; the key is never here."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE secrets (
    platform text NOT NULL,
    account text NOT NULL,
    name text NOT NULL,
    key_id text NOT NULL,
    box bytea NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_secrets PRIMARY KEY (platform, account, name)
);
"""

DOWN = """
DROP TABLE secrets;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
