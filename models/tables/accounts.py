"""Accounts and the fence: who is spoken to, in which mode, within which caps."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from domain.actions import Level, Mode
from models.tables.columns import Instant, id_column, json_column, metadata, now_column, one_of

accounts = Table(
    "accounts",
    metadata,
    id_column(),
    Column("platform", Text, nullable=False),
    Column("platform_account_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("page_id", Text),
    Column("pixel_id", Text),
    Column("countries", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("max_daily_budget_per_ad_set_minor", BigInteger),
    Column("max_daily_budget_per_campaign_minor", BigInteger),
    Column("max_total_daily_spend_minor", BigInteger),
    Column("minimum_daily_budget_minor", BigInteger, nullable=False),
    Column("is_paused", Boolean, nullable=False, server_default=text("false")),
    Column("fence_closed", Boolean, nullable=False, server_default=text("false")),
    Column("fence_epoch", Integer, nullable=False, server_default=text("0")),
    Column("fence_reason", Text, nullable=False, server_default=text("''")),
    Column("tree_read_at", Instant),  # platform's clock
    Column("insights_read_at", Instant),  # platform's clock: hours complete at this instant are in
    Column("tree_full_read_at", Instant),  # platform's clock: the last reading of every object, changed or not
    Column("insights_loaded_from", Date),  # first day that was backfilled
    json_column("insights_unfinished"),  # how far a reading has come that is not done, `tasks/reading_parts.py`
    Column("goal_roas", Double),  # of the two goals at most one
    Column("goal_cpa_minor", BigInteger),
    Column("margin", Double),  # share of the revenue that stays: break-even ROAS is 1 / margin
    Column("month_budget_minor", BigInteger),  # calendar month of the account's zone
    Column("max_worst_day_minor", BigInteger),  # of the platform's worst day; NULL = daily cap x overspend ratio
    Column("max_change_without_approval_minor", BigInteger),  # of one daily budget by one action; NULL = the setting
    now_column("opened_at"),
    Column("activities_read_at", Instant),  # platform's clock: what people changed until then is known
    UniqueConstraint("platform", "platform_account_id", "mode"),
    one_of("mode", Mode),
    one_of("level", Level),
    CheckConstraint("goal_roas IS NULL OR goal_cpa_minor IS NULL", name="one_goal"),
    CheckConstraint("goal_roas > 0", name="goal_roas"),
    CheckConstraint("goal_cpa_minor > 0", name="goal_cpa"),
    CheckConstraint("margin > 0 AND margin <= 1", name="margin"),
    CheckConstraint("month_budget_minor > 0", name="month_budget"),
    CheckConstraint("max_worst_day_minor > 0", name="worst_day"),
    CheckConstraint("max_change_without_approval_minor >= 0", name="change_without_approval"),
)

fence = Table(
    "fence",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("closed", Boolean, nullable=False, server_default=text("false")),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("reason", Text, nullable=False, server_default=text("''")),
    now_column("changed_at"),
    CheckConstraint("id = 1", name="single"),
)
