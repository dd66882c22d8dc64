"""What modules last said of objects: one row of each module and object, replaced with every run of the module."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from domain.actions import ObjectKind
from models.tables.columns import Instant, metadata, one_of

findings = Table(
    "findings",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("module", Text, nullable=False),  # its slug
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("found_at", Instant, nullable=False),  # platform's clock
    PrimaryKeyConstraint("account_id", "module", "object_kind", "object_id"),
    one_of("object_kind", ObjectKind),
)
Index("ix_findings_object", findings.c.account_id, findings.c.object_id)
