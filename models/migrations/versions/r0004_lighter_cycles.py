"""What lets a cycle be light: when the whole tree was last read, and what blocked a proposal, so that it shows once."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE accounts ADD COLUMN tree_full_read_at timestamptz;
ALTER TABLE actions ADD COLUMN blocked_by TEXT;
CREATE INDEX ix_actions_blocked ON actions (account_id, decided_at) WHERE blocked_by IS NOT NULL;
"""

DOWN = """
DROP INDEX ix_actions_blocked;
ALTER TABLE actions DROP COLUMN blocked_by;
ALTER TABLE accounts DROP COLUMN tree_full_read_at;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
