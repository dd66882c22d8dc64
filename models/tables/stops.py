"""Emergency stops and what each of them paused."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, PrimaryKeyConstraint, Table, Text, func, text

from domain.actions import ObjectKind
from models.tables.columns import Instant, id_column, json_column, metadata, now_column, one_of

stops = Table(
    "stops",
    metadata,
    id_column(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE")),  # None = all
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    now_column("closed_at"),
    Column("quiet_at", Instant),
    Column("fenced_at", Instant),
    Column("paused_at", Instant),
    json_column("in_doubt", "[]"),
    Column("pauses", Boolean, nullable=False, server_default=text("false")),  # what spends is to be paused too
    Column("halts", Boolean, nullable=False, server_default=text("false")),  # schedulers are to stand still too
    Column("alerts", Boolean, nullable=False, server_default=text("true")),  # people are to be told
    json_column("halted", "[]"),  # what each worker answered, and what became of those that did not
    Column("listed_at", Instant),  # from here on its items are all that it will ever pause
    Column("opened_at", Instant),
    Column("opened_by", Text),
)
Index(
    "uq_stops_open",
    func.coalesce(stops.c.account_id, text("0")),
    unique=True,
    postgresql_where=text("opened_at IS NULL"),
)

stop_items = Table(
    "stop_items",
    metadata,
    Column("stop_id", BigInteger, ForeignKey("stops.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("object_name", Text, nullable=False),
    Column("status_before", Text, nullable=False),
    Column("spend_minor", BigInteger, nullable=False, server_default=text("0")),  # its rank: the last day's spend
    Column("action_id", BigInteger, ForeignKey("actions.id", ondelete="SET NULL")),
    Column("resume_action_id", BigInteger, ForeignKey("actions.id", ondelete="SET NULL")),
    Column("note", Text, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("stop_id", "account_id", "object_kind", "object_id"),
    one_of("object_kind", ObjectKind),
)
