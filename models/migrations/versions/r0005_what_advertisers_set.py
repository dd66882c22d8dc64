"""What advertisers set: goals, margin and month budget of accounts, "never touch" marks, bid limits of the mirror."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE accounts
    ADD COLUMN goal_roas double precision CONSTRAINT ck_accounts_goal_roas CHECK (goal_roas > 0),
    ADD COLUMN goal_cpa_minor bigint CONSTRAINT ck_accounts_goal_cpa CHECK (goal_cpa_minor > 0),
    ADD COLUMN margin double precision CONSTRAINT ck_accounts_margin CHECK (margin > 0 AND margin <= 1),
    ADD COLUMN month_budget_minor bigint CONSTRAINT ck_accounts_month_budget CHECK (month_budget_minor > 0),
    ADD CONSTRAINT ck_accounts_one_goal CHECK (goal_roas IS NULL OR goal_cpa_minor IS NULL);
ALTER TABLE campaigns
    ADD COLUMN bidding text NOT NULL DEFAULT 'automatic' CONSTRAINT ck_campaigns_bidding
        CHECK (bidding IN ('automatic', 'bid_cap', 'cost_cap', 'min_roas', 'other')),
    ADD COLUMN spend_cap_minor bigint;
ALTER TABLE ad_sets
    ADD COLUMN bidding text NOT NULL DEFAULT 'automatic' CONSTRAINT ck_ad_sets_bidding
        CHECK (bidding IN ('automatic', 'bid_cap', 'cost_cap', 'min_roas', 'other'));
CREATE TABLE marks (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_marks PRIMARY KEY,
    account_id bigint NOT NULL CONSTRAINT fk_marks_account_id REFERENCES accounts (id) ON DELETE CASCADE,
    object_kind text NOT NULL CONSTRAINT ck_marks_object_kind CHECK (object_kind IN ('ad', 'ad_set', 'campaign')),
    object_id text NOT NULL,
    reason text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lifted_by text,
    lifted_at timestamptz
);
CREATE UNIQUE INDEX uq_marks_standing ON marks (account_id, object_kind, object_id) WHERE lifted_at IS NULL;
"""

DOWN = """
DROP TABLE marks;
ALTER TABLE ad_sets DROP COLUMN bidding;
ALTER TABLE campaigns DROP COLUMN bidding, DROP COLUMN spend_cap_minor;
ALTER TABLE accounts DROP COLUMN goal_roas, DROP COLUMN goal_cpa_minor, DROP COLUMN margin,
    DROP COLUMN month_budget_minor;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
