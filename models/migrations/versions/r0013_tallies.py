"""Indexes that let the metrics and the report count without reading whole tables."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

UP = """
CREATE INDEX ix_actions_tally ON actions (module, kind, state);
CREATE INDEX ix_actions_unknown ON actions (kind, state) WHERE quarantine_until IS NOT NULL;
CREATE INDEX ix_actions_sent ON actions (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX ix_runs_tally ON runs (task, state, finished_at);
CREATE INDEX ix_call_counts_hour ON call_counts (hour_at);
"""

DOWN = """
DROP INDEX ix_call_counts_hour;
DROP INDEX ix_runs_tally;
DROP INDEX ix_actions_sent;
DROP INDEX ix_actions_unknown;
DROP INDEX ix_actions_tally;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
