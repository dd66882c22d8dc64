"""Backtests of accounts, and what was last advised on each module's level."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, Text

from decisions.promotion import Move
from domain.actions import Level
from models.tables.columns import Instant, id_column, json_column, metadata, now_column, one_of

backtests = Table(
    "backtests",
    metadata,
    id_column(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    now_column("made_at"),
    Column("policy", Text, nullable=False),
    Column("over_policy", Text, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("days", Integer, nullable=False),
    Column("gain_minor", Float, nullable=False),  # mean of a case, over all its days
    Column("low_minor", Float),  # 95 %; NULL = of a single case
    Column("high_minor", Float),
    json_column("detail"),
)
Index("ix_backtests_account", backtests.c.account_id, backtests.c.made_at)
# One row a module: what was said of it last.
promotions = Table(
    "promotions",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("module", Text, nullable=False),
    Column("advised_at", Instant, nullable=False),  # platform's clock
    Column("move", Text, nullable=False),
    Column("level", Text, nullable=False),  # as it was then
    Column("to_level", Text, nullable=False),
    Column("streak", Integer, nullable=False),  # looks in a row at which the next level was earned
    Column("demoted_at", Instant),  # platform's clock; the last time
    json_column("reasons", "[]"),
    json_column("missing", "[]"),
    json_column("evidence"),
    PrimaryKeyConstraint("account_id", "module"),
    one_of("move", Move),
    one_of("level", Level),
)
