"""What modules last said of objects."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE findings (
    account_id BIGINT NOT NULL,
    module TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    words TEXT NOT NULL,
    evidence JSONB NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_findings PRIMARY KEY (account_id, module, object_kind, object_id),
    CONSTRAINT fk_findings_account_id_accounts FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT ck_findings_object_kind CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative'))
);
CREATE INDEX ix_findings_object ON findings (account_id, object_id);
"""

DOWN = """
DROP TABLE findings;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
