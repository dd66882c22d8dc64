"""The audit and the heads of its chains. Rows are written by `audit_append` in the database, by nothing else."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, text

from models.tables.columns import Instant, json_column, metadata

# Partitioned by six days, made by the database as rows arrive. No foreign keys: what happened stays told when the
# account or the action is gone.
audit = Table(
    "audit",
    metadata,
    Column("chain", BigInteger, nullable=False),  # the account's id, 0 = the house
    Column("seq", BigInteger, nullable=False),  # 1, 2, 3, … within the chain
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("action_id", BigInteger),
    Column("before_state", Text),
    Column("after_state", Text),
    Column("epoch", Integer),
    json_column("detail"),
    Column("prev_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("chain", "seq", "at"),
    postgresql_partition_by="RANGE (at)",
)
Index("ix_audit_action_id", audit.c.action_id, postgresql_where=text("action_id IS NOT NULL"))

# The last row of each chain, and the last one that was dropped: what the oldest row still there goes on from.
audit_heads = Table(
    "audit_heads",
    metadata,
    Column("chain", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("base_seq", BigInteger, nullable=False, server_default=text("'0'")),
    Column("base_hash", LargeBinary, nullable=False),
    postgresql_with={"fillfactor": 50},
)
