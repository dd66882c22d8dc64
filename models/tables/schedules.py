"""Schedules that people hold back: no slot of theirs is planned until then."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, text

from models.tables.columns import Instant, id_column, metadata, now_column

schedule_pauses = Table(
    "schedule_pauses",
    metadata,
    id_column(),
    Column("task", Text, nullable=False),  # a rhythm's name, such as "meta.full_cycle"
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("paused_by", Text, nullable=False),
    now_column("paused_at"),
    Column("until_at", Instant),  # platform's clock, None = until somebody resumes it
    Column("ended_by", Text),
    Column("ended_at", Instant),
)
Index(
    "uq_schedule_pauses_open",
    schedule_pauses.c.task,
    schedule_pauses.c.account_id,
    unique=True,
    postgresql_where=text("ended_at IS NULL"),
)
