"""Objects on the platform that carry our mark and are not the recorded result of any applied action."""

from sqlalchemy import BigInteger, Column, ForeignKey, PrimaryKeyConstraint, Table, Text, text

from domain.actions import ObjectKind
from models.tables.columns import Instant, metadata, now_column, one_of

orphans = Table(
    "orphans",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("object_name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("made_at", Instant, nullable=False),  # platform's clock
    Column("action_id", BigInteger, ForeignKey("actions.id", ondelete="SET NULL")),  # whose token, or likely whose
    Column("why", Text, nullable=False),
    Column("spend_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("archive_action_id", BigInteger, ForeignKey("actions.id", ondelete="SET NULL")),
    now_column("found_at"),
    now_column("seen_at"),
    PrimaryKeyConstraint("account_id", "object_kind", "object_id"),
    one_of("object_kind", ObjectKind),
)
