"""Where each ad stands in its life, one row of each, and the state of the filter that the next day is stepped from."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from domain.evidence import Stage
from models.tables.columns import Instant, json_column, metadata, one_of

creative_stages = Table(
    "creative_stages",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("ad_id", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("probability", Double, nullable=False),  # P(click rate under the policy's ratio of its own first week)
    Column("reason", Text, nullable=False),
    Column("words", Text, nullable=False),
    json_column("evidence"),
    Column("since", Date),  # the account's zone; NULL = it does not go down
    Column("rates", ARRAY(Double), nullable=False),  # clicks per impression by day, oldest first; -1 = none shown
    Column("made_at", Instant, nullable=False),  # platform's clock
    PrimaryKeyConstraint("account_id", "ad_id"),
    one_of("stage", Stage),
)
Index("ix_creative_stages_stage", creative_stages.c.account_id, creative_stages.c.stage)
# What the next day is stepped from (`decisions/life_memory.py`): some ads each, arrays in a format with a version.
creative_states = Table(
    "creative_states",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("part", SmallInteger, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("upto", Date, nullable=False),  # the account's zone; the last day taken
    Column("ratio", Double, nullable=False),  # under which an ad is tired, as the policy said
    Column("certainty", Double, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("account_id", "part"),
)
