"""What the optimizer changed, what it expected of each change a day, and what came of it once that had matured."""

from sqlalchemy import BigInteger, Column, Date, Double, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, Text

from domain.actions import ObjectKind
from models.tables.columns import Instant, metadata, one_of

allocations = Table(
    "allocations",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("planned_on", Date, nullable=False),  # the account's zone
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("planned_at", Instant, nullable=False),  # platform's clock
    Column("action_id", BigInteger, ForeignKey("actions.id", ondelete="SET NULL")),  # none: blocked again, no row
    Column("budget_minor", BigInteger, nullable=False),
    Column("target_minor", BigInteger, nullable=False),
    Column("revenue_minor", BigInteger, nullable=False),  # expected a day at the former budget, matured
    Column("target_revenue_minor", BigInteger, nullable=False),
    Column("worth", Double, nullable=False),  # of a unit of revenue
    Column("price", Double, nullable=False),  # of a unit of spend
    Column("gain_minor", BigInteger, nullable=False),  # expected a day
    Column("noise_minor", BigInteger, nullable=False),
    Column("settled_at", Instant),  # platform's clock
    Column("days", Integer),  # that the change stood and were looked at; 0 = it never came into force
    Column("spent_minor", BigInteger),  # in those days
    Column("matured_minor", BigInteger),  # their revenue, as it will be once all has arrived
    Column("realised_minor", BigInteger),  # gain a day against what was expected of the former budget
    PrimaryKeyConstraint("account_id", "planned_on", "object_kind", "object_id"),
    one_of("object_kind", ObjectKind),
)
Index(
    "ix_allocations_open", allocations.c.account_id, allocations.c.planned_on,
    postgresql_where=allocations.c.settled_at.is_(None),
)  # fmt: skip
Index("ix_allocations_action", allocations.c.action_id)
