"""How far a reading of figures has come that the quota put back in the middle."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE accounts ADD COLUMN insights_unfinished JSONB DEFAULT '{}'::jsonb NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE accounts DROP COLUMN insights_unfinished")
