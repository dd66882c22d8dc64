"""Live figures of the day under way, the account's own hours, and where it stands against its targets."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from domain.actions import ObjectKind
from domain.live import Source
from models.tables.columns import Instant, json_column, metadata, now_column, one_of


def _account() -> Column[int]:
    return Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False)


account_hours = Table(
    "account_hours",
    metadata,
    _account(),
    Column("day", Date, nullable=False),  # the account's zone
    Column("hour", SmallInteger, nullable=False),
    Column("impressions", BigInteger, nullable=False),
    Column("clicks", BigInteger, nullable=False),
    Column("spend_minor", BigInteger, nullable=False),
    Column("purchases", BigInteger, nullable=False),
    Column("revenue_minor", BigInteger, nullable=False),
    Column("read_at", Instant, nullable=False),  # platform's clock
    PrimaryKeyConstraint("account_id", "day", "hour"),
)
# One row of arrays per reading and kind: a thousand objects are one insert, and gone with one delete.
live_readings = Table(
    "live_readings",
    metadata,
    _account(),
    Column("read_at", Instant, nullable=False),  # platform's clock
    Column("object_kind", Text, nullable=False),
    Column("as_of", Instant, nullable=False),  # platform's clock
    Column("day", Date, nullable=False),  # the account's zone
    Column("source", Text, nullable=False),
    Column("is_whole", Boolean, nullable=False),
    Column("object_ids", ARRAY(Text), nullable=False),
    Column("parent_ids", ARRAY(Text), nullable=False),
    Column("impressions", ARRAY(BigInteger), nullable=False),
    Column("clicks", ARRAY(BigInteger), nullable=False),
    Column("spend_minor", ARRAY(BigInteger), nullable=False),
    Column("purchases", ARRAY(BigInteger), nullable=False),
    Column("revenue_minor", ARRAY(BigInteger), nullable=False),
    PrimaryKeyConstraint("account_id", "read_at", "object_kind"),
    one_of("object_kind", ObjectKind),
    one_of("source", Source),
)
pacing_states = Table(
    "pacing_states",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("made_at", Instant, nullable=False),  # platform's clock
    now_column("written_at"),
    json_column("spans", "[]"),  # day, week, month
    json_column("objects", "[]"),  # campaigns and ad sets beside their pace, the weightiest
    json_column("warnings", "[]"),
    json_column("day_targets"),  # of the last days, by date: budgets change, and a week is the sum of its days
    json_column("top_budgets"),  # the highest daily budget of today, by object
    Column("budgets_since", Instant, nullable=False),  # from when on they are known; platform's clock
)
