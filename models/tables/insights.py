"""Figures per ad and day or hour, partitioned by month."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from models.tables.columns import Instant, metadata


def _insights(name: str, *extra: Column[object], key: tuple[str, ...], last: tuple[Column[object], ...] = ()) -> Table:
    """A partitioned table of figures; one partition a month, made on demand by `models/partitions.py`."""
    return Table(
        name,
        metadata,
        Column("account_id", BigInteger, nullable=False),
        Column("day", Date, nullable=False),  # the account's zone
        Column("ad_id", Text, nullable=False),
        *extra,
        Column("ad_set_id", Text, nullable=False),
        Column("campaign_id", Text, nullable=False),
        Column("impressions", Integer, nullable=False),
        Column("clicks", Integer, nullable=False),
        Column("spend_minor", BigInteger, nullable=False),
        Column("purchases", Integer, nullable=False),
        Column("revenue_minor", BigInteger, nullable=False),
        Column("read_at", Instant, nullable=False),  # platform's clock
        *last,
        PrimaryKeyConstraint(*key),
        postgresql_partition_by="RANGE (day)",
    )


insights_daily = _insights(
    "insights_daily",
    key=("account_id", "day", "ad_id"),
    last=(Column("first_read_at", Instant),),  # platform's clock; NULL = before we kept it
)
insights_hourly = _insights(
    "insights_hourly",
    Column("hour", SmallInteger, nullable=False),
    key=("account_id", "day", "hour", "ad_id"),  # a few hours of many ads
)
# What a reading after the day's end added to a day's figures: one row per day of reading, only where something changed.
# The figures as known at the end of a day = those of insights_daily less all increments read later than that.
insight_increments = Table(
    "insight_increments",
    metadata,
    Column("account_id", BigInteger, nullable=False),
    Column("day", Date, nullable=False),  # the account's zone, as read_on
    Column("ad_id", Text, nullable=False),
    Column("read_on", Date, nullable=False),
    Column("impressions", Integer, nullable=False),
    Column("clicks", Integer, nullable=False),
    Column("spend_minor", BigInteger, nullable=False),
    Column("purchases", Integer, nullable=False),
    Column("revenue_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "day", "ad_id", "read_on"),
    CheckConstraint("read_on > day", name="read_on"),
    postgresql_partition_by="RANGE (day)",
)
