"""Schedules held back by a person, per cycle and account."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE schedule_pauses (
    id bigint GENERATED ALWAYS AS IDENTITY,
    task text NOT NULL,
    account_id bigint NOT NULL,
    reason text NOT NULL,
    paused_by text NOT NULL,
    paused_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    until_at timestamptz,
    ended_by text,
    ended_at timestamptz,
    CONSTRAINT pk_schedule_pauses PRIMARY KEY (id),
    CONSTRAINT fk_schedule_pauses_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_schedule_pauses_open ON schedule_pauses (task, account_id) WHERE ended_at IS NULL;
"""

DOWN = """
DROP TABLE schedule_pauses;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
