"""Accounts, the mirror of their objects, and the partitioned figures."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UP = """
CREATE TABLE accounts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    platform TEXT NOT NULL,
    platform_account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    zone TEXT NOT NULL,
    mode TEXT NOT NULL,
    level TEXT NOT NULL,
    page_id TEXT,
    pixel_id TEXT,
    countries TEXT[] DEFAULT '{}'::text[] NOT NULL,
    max_daily_budget_per_ad_set_minor BIGINT,
    max_daily_budget_per_campaign_minor BIGINT,
    max_total_daily_spend_minor BIGINT,
    minimum_daily_budget_minor BIGINT NOT NULL,
    is_paused BOOLEAN DEFAULT false NOT NULL,
    fence_closed BOOLEAN DEFAULT false NOT NULL,
    fence_epoch INTEGER DEFAULT 0 NOT NULL,
    fence_reason TEXT DEFAULT '' NOT NULL,
    tree_read_at timestamptz,
    insights_read_at timestamptz,
    insights_loaded_from DATE,
    opened_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_accounts PRIMARY KEY (id),
    CONSTRAINT uq_accounts_platform_platform_account_id_mode UNIQUE (platform, platform_account_id, mode),
    CONSTRAINT ck_accounts_mode CHECK (mode IN ('live', 'stub')),
    CONSTRAINT ck_accounts_level CHECK (level IN ('auto', 'observe'))
);
CREATE TABLE campaigns (
    account_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    effective_status TEXT NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    daily_budget_minor BIGINT,
    lifetime_budget_minor BIGINT,
    objective TEXT NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT pk_campaigns PRIMARY KEY (account_id, id),
    CONSTRAINT fk_campaigns_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT ck_campaigns_status CHECK (status IN ('active', 'archived', 'deleted', 'paused'))
);
CREATE TABLE ad_sets (
    account_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    effective_status TEXT NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    daily_budget_minor BIGINT,
    lifetime_budget_minor BIGINT,
    campaign_id TEXT NOT NULL,
    optimization_goal TEXT NOT NULL,
    learning TEXT NOT NULL,
    labels TEXT[] DEFAULT '{}'::text[] NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT pk_ad_sets PRIMARY KEY (account_id, id),
    CONSTRAINT fk_ad_sets_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT ck_ad_sets_status CHECK (status IN ('active', 'archived', 'deleted', 'paused')),
    CONSTRAINT ck_ad_sets_learning CHECK (learning IN ('done', 'learning', 'limited', 'unknown'))
);
CREATE TABLE ads (
    account_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    effective_status TEXT NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    ad_set_id TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    creative_id TEXT,
    fatigued_at timestamptz,
    seen_at timestamptz NOT NULL,
    CONSTRAINT pk_ads PRIMARY KEY (account_id, id),
    CONSTRAINT fk_ads_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT ck_ads_status CHECK (status IN ('active', 'archived', 'deleted', 'paused'))
);
CREATE TABLE creatives (
    account_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    title TEXT,
    body TEXT,
    video_id TEXT,
    thumbnail_url TEXT,
    seen_at timestamptz NOT NULL,
    CONSTRAINT pk_creatives PRIMARY KEY (account_id, id),
    CONSTRAINT fk_creatives_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE insights_daily (
    account_id BIGINT NOT NULL,
    day DATE NOT NULL,
    ad_id TEXT NOT NULL,
    ad_set_id TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    impressions INTEGER NOT NULL,
    clicks INTEGER NOT NULL,
    spend_minor BIGINT NOT NULL,
    purchases INTEGER NOT NULL,
    revenue_minor BIGINT NOT NULL,
    read_at timestamptz NOT NULL,
    CONSTRAINT pk_insights_daily PRIMARY KEY (account_id, day, ad_id)
) PARTITION BY RANGE (day);
CREATE TABLE insights_hourly (
    account_id BIGINT NOT NULL,
    day DATE NOT NULL,
    ad_id TEXT NOT NULL,
    hour SMALLINT NOT NULL,
    ad_set_id TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    impressions INTEGER NOT NULL,
    clicks INTEGER NOT NULL,
    spend_minor BIGINT NOT NULL,
    purchases INTEGER NOT NULL,
    revenue_minor BIGINT NOT NULL,
    read_at timestamptz NOT NULL,
    CONSTRAINT pk_insights_hourly PRIMARY KEY (account_id, day, hour, ad_id)
) PARTITION BY RANGE (day);
CREATE TABLE policies (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    account_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    body JSONB DEFAULT '{}'::jsonb NOT NULL,
    set_by TEXT NOT NULL,
    set_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_policies PRIMARY KEY (id),
    CONSTRAINT fk_policies_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_policies_account_id ON policies (account_id);
"""

DOWN = """
DROP TABLE policies;
DROP TABLE insights_hourly;
DROP TABLE insights_daily;
DROP TABLE creatives;
DROP TABLE ads;
DROP TABLE ad_sets;
DROP TABLE campaigns;
DROP TABLE accounts;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
