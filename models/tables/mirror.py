"""The platform's tree as last read, and people's marks on it."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from domain.objects import Bidding, Learning, Status
from models.tables.columns import Instant, id_column, metadata, now_column, one_of


def _mirror(name: str, *columns: Column[object]) -> Table:
    """A table that mirrors objects of the platform; `seen_at` is the platform's instant of the reading."""
    return Table(
        name,
        metadata,
        Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        Column("id", Text, nullable=False),
        Column("name", Text, nullable=False),
        *columns,
        Column("seen_at", Instant, nullable=False),
        PrimaryKeyConstraint("account_id", "id"),
    )


def _life() -> tuple[Column[object], ...]:
    return (
        Column("status", Text, nullable=False),
        Column("effective_status", Text, nullable=False),
        Column("created_at", Instant, nullable=False),  # platform's clock
        Column("updated_at", Instant, nullable=False),  # platform's clock
    )


def _budget() -> tuple[Column[object], ...]:
    return (
        Column("daily_budget_minor", BigInteger),
        Column("lifetime_budget_minor", BigInteger),
        Column("bidding", Text, nullable=False, server_default=text("'automatic'")),
    )


campaigns = _mirror(
    "campaigns",
    *_life(),
    *_budget(),
    Column("objective", Text, nullable=False),
    Column("spend_cap_minor", BigInteger),
)
ad_sets = _mirror(
    "ad_sets",
    *_life(),
    *_budget(),
    Column("campaign_id", Text, nullable=False),
    Column("optimization_goal", Text, nullable=False),
    Column("learning", Text, nullable=False),
    Column("labels", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
)
ads = _mirror(
    "ads",
    *_life(),
    Column("ad_set_id", Text, nullable=False),
    Column("campaign_id", Text, nullable=False),
    Column("creative_id", Text),
    Column("fatigued_at", Instant),  # platform's clock; ours: set by an applied mark_fatigued
)
creatives = _mirror(
    "creatives",
    Column("title", Text),
    Column("body", Text),
    Column("video_id", Text),
    Column("thumbnail_url", Text),
)
for _table in (campaigns, ad_sets, ads):
    _table.append_constraint(one_of("status", Status))
ad_sets.append_constraint(one_of("learning", Learning))
for _table in (campaigns, ad_sets):
    _table.append_constraint(one_of("bidding", Bidding))

marks = Table(
    "marks",
    metadata,
    id_column(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    now_column("set_at"),
    Column("lifted_by", Text),
    Column("lifted_at", Instant),
    CheckConstraint("object_kind IN ('ad', 'ad_set', 'campaign')", name="object_kind"),
)
Index(
    "uq_marks_standing",
    marks.c.account_id,
    marks.c.object_kind,
    marks.c.object_id,
    unique=True,
    postgresql_where=text("lifted_at IS NULL"),
)
