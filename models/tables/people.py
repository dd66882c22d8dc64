"""Principals, approvals and how far each module may go by itself."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, PrimaryKeyConstraint, Table, Text, text

from domain.actions import Level
from domain.permissions import Role
from models.tables.columns import Instant, id_column, metadata, now_column, one_of

principals = Table(
    "principals",
    metadata,
    id_column(),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("token_hash", Text, unique=True),  # SHA-256 of 256 random bits; None = an operating system's user
    Column("created_by", Text, nullable=False),
    now_column("created_at"),
    Column("disabled_by", Text),
    Column("disabled_at", Instant),
    one_of("role", Role),
)

approvals = Table(
    "approvals",
    metadata,
    id_column(),
    Column("action_id", BigInteger, ForeignKey("actions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("request_hash", Text, nullable=False),  # of the exact request that was shown
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("decided_by", BigInteger, ForeignKey("principals.id"), nullable=False),
    now_column("decided_at"),
    Column("expires_at", Instant),
    Column("used_at", Instant),  # in the transaction of the write-ahead
    Column("withdrawn_by", Text),
    Column("withdrawn_at", Instant),
    CheckConstraint("decision IN ('approved', 'rejected')", name="decision"),
)
Index(
    "uq_approvals_standing",
    approvals.c.action_id,
    unique=True,
    postgresql_where=text("decision = 'approved' AND withdrawn_at IS NULL"),
)

module_levels = Table(
    "module_levels",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("module", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    now_column("set_at"),
    PrimaryKeyConstraint("account_id", "module"),
    one_of("level", Level),
)
