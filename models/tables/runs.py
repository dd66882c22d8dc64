"""Runs and their log: the queue of record."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from domain.actions import Level, Mode
from domain.health import RunState
from models.tables.columns import Instant, id_column, json_column, metadata, now_column, one_of

runs = Table(
    "runs",
    metadata,
    id_column(),
    Column("task", Text, nullable=False),  # a rhythm's name, such as "meta.full_cycle"
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("slot_at", Instant, nullable=False),  # platform's clock
    Column("now_at", Instant, nullable=False),  # platform's clock, read once by the planner
    Column("mode", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("triggered_by", Text, nullable=False),  # "schedule", or who asked
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),  # why skipped, stopped or failed
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease_owner", Text),
    Column("worker", Text),  # who took it last, such as "cycles@host"
    Column("lease_until", Instant),
    Column("ring_at", Instant, nullable=False, server_default=func.clock_timestamp()),  # ring (again) from then on
    now_column("created_at"),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("duration_ms", Integer),
    json_column("steps_executed", "[]"),
    json_column("errors", "[]"),
    json_column("stats_snapshot"),
    UniqueConstraint("task", "account_id", "slot_at"),
    one_of("state", RunState),
    one_of("mode", Mode),
    one_of("level", Level),
)
Index("ix_runs_open", runs.c.ring_at, postgresql_where=text("state IN ('planned', 'running')"))
Index("ix_runs_task_slot", runs.c.task, runs.c.slot_at)
Index("ix_runs_tally", runs.c.task, runs.c.state, runs.c.finished_at)

run_logs = Table(
    "run_logs",
    metadata,
    id_column(),
    Column("run_id", BigInteger, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("step", Text, nullable=False),
    Column("action", Text, nullable=False),
    json_column("input_snapshot"),
    json_column("output_snapshot"),
    Column("success", Boolean, nullable=False),
    Column("error_message", Text),
    Column("entity_type", Text),
    Column("entity_id", Text),
    now_column("created_at"),
)
