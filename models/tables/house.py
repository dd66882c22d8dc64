"""Policies, desired state, commands and signs of life."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Table,
    Text,
    text,
)

from domain.health import CommandType
from models.tables.columns import Instant, id_column, json_column, metadata, now_column, one_of

policies = Table(
    "policies",
    metadata,
    id_column(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    json_column("body"),
    Column("set_by", Text, nullable=False),
    now_column("set_at"),
)

module_states = Table(
    "module_states",
    metadata,
    Column("pair", Text, primary_key=True),  # such as "meta.full_cycle"
    Column("desired", Text, nullable=False),  # running | stopped
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("changed_by", Text, nullable=False),
    now_column("changed_at"),
    Column("restarted_at", Instant),  # runs begun before end at their next look and begin anew
    CheckConstraint("desired IN ('running', 'stopped')", name="desired"),
)

commands = Table(
    "commands",
    metadata,
    id_column(),
    Column("command_type", Text, nullable=False),
    Column("platform", Text),
    Column("target_modules", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("execute_immediately", Boolean, nullable=False, server_default=text("true")),
    Column("state", Text, nullable=False, server_default=text("'accepted'")),
    json_column("actions", "[]"),
    json_column("results"),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE")),  # None = of all
    json_column("options"),  # what the type alone cannot say
    now_column("created_at"),
    Column("released_by", Text),
    Column("released_at", Instant),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    one_of("command_type", CommandType),
    CheckConstraint("state IN ('accepted', 'held', 'running', 'done', 'failed', 'cancelled')", name="state"),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("process", Text, primary_key=True),  # such as "tower@host:pid"
    Column("kind", Text, nullable=False),  # tower | worker | beat
    now_column("seen_at"),
    json_column("detail"),
)
