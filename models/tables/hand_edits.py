"""What people changed on a platform by hand, beside us: each edit once, with until when we leave the object alone."""

from enum import StrEnum

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, UniqueConstraint, text

from domain.actions import ObjectKind
from models.tables.columns import Instant, id_column, json_column, metadata, now_column, one_of


class FoundBy(StrEnum):
    """How we came to know of an edit."""

    ACTIVITIES = "activities"  # the platform's own history, read at a collection
    PRECHECK = "precheck"  # the fresh reading before a write showed another value than was decided on
    OVERWRITTEN = "overwritten"  # it fell between our fresh reading and our write, which went over it


hand_edits = Table(
    "hand_edits",
    metadata,
    id_column(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("event", Text, nullable=False),  # the platform's word for it
    Column("actor_id", Text, nullable=False, server_default=text("''")),
    Column("actor_name", Text, nullable=False, server_default=text("''")),
    json_column("before"),
    json_column("after"),
    Column("edited_at", Instant, nullable=False),  # platform's clock; of a precheck the instant of the reading
    Column("hands_off_until", Instant, nullable=False),  # platform's clock
    Column("found_by", Text, nullable=False),
    Column("action_id", BigInteger, ForeignKey("actions.id", ondelete="SET NULL")),  # ours that met it
    now_column("found_at"),
    Column("released_at", Instant),
    Column("released_by", Text),
    Column("release_reason", Text),
    UniqueConstraint(
        *("account_id", "object_kind", "object_id", "edited_at", "event", "actor_id", "after"),
        name="uq_hand_edits_edit",
    ),
    one_of("object_kind", ObjectKind),
    one_of("found_by", FoundBy),
)
Index(
    "ix_hand_edits_until",
    hand_edits.c.account_id,
    hand_edits.c.hands_off_until,
    postgresql_where=text("released_at IS NULL"),
)
Index("ix_hand_edits_action_id", hand_edits.c.action_id, postgresql_where=text("action_id IS NOT NULL"))
