"""What the tower remembers: its runs and health logs, spans of status, incidents and notices, recovery, evidence."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from domain.health import CommandType, RunType, SystemStatus
from domain.recovery import RecoveryAction, RecoveryState
from models.tables.columns import Instant, id_column, json_column, metadata, now_column, one_of

control_tower_runs = Table(
    "control_tower_runs",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("platform", Text),  # None = of all
    Column("run_type", Text, nullable=False),
    Column("command_type", Text),
    Column("command_id", BigInteger, ForeignKey("commands.id", ondelete="SET NULL")),
    Column("stop_id", BigInteger, ForeignKey("stops.id", ondelete="SET NULL")),
    Column("slot_at", Instant),  # the hour that it was the check of, None = asked for
    Column("system_status", Text, nullable=False),
    Column("total_modules_checked", Integer, nullable=False, server_default=text("0")),
    Column("online_modules", Integer, nullable=False, server_default=text("0")),
    Column("degraded_modules", Integer, nullable=False, server_default=text("0")),
    Column("offline_modules", Integer, nullable=False, server_default=text("0")),
    Column("unknown_modules", Integer, nullable=False, server_default=text("0")),
    Column("planned_modules", Integer, nullable=False, server_default=text("0")),
    json_column("module_health_details"),
    json_column("actions_executed", "[]"),
    json_column("errors_encountered", "[]"),
    json_column("recoveries_performed", "[]"),
    Column("total_api_calls_24h", BigInteger),  # None = unknown, here and below
    Column("total_errors_24h", BigInteger),
    Column("total_campaigns_active", Integer),
    json_column("total_daily_budget"),  # currency → minor units
    Column("db_connection_pool_size", Integer),
    Column("db_active_connections", Integer),
    Column("db_query_avg_ms", Float),
    Column("execution_time_ms", Integer, nullable=False, server_default=text("0")),
    Column("executed_by", Text, nullable=False),
    now_column("executed_at"),
    json_column("recommendations", "[]"),
    json_column("alerts", "[]"),
    Column("mode", Text, nullable=False),
    one_of("run_type", RunType),
    one_of("command_type", CommandType),
    one_of("system_status", SystemStatus),
)
Index("ix_control_tower_runs_status", control_tower_runs.c.system_status, control_tower_runs.c.executed_at)
Index("ix_control_tower_runs_type", control_tower_runs.c.run_type, control_tower_runs.c.system_status)
Index("ix_control_tower_runs_command", control_tower_runs.c.command_type, control_tower_runs.c.executed_at)
Index(
    "uq_control_tower_runs_slot",
    control_tower_runs.c.platform,
    control_tower_runs.c.slot_at,
    unique=True,
    postgresql_where=text("slot_at IS NOT NULL"),
)

system_health_logs = Table(
    "system_health_logs",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("run_id", Uuid, ForeignKey("control_tower_runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("platform", Text, nullable=False),
    Column("module_name", Text, nullable=False),  # the pair's slug, such as "meta.full_cycle"
    Column("module_full_name", Text, nullable=False),
    Column("health_status", Text, nullable=False),
    Column("success_rate", Float),  # 0..1 over 24 h; None = unknown, here and below
    Column("avg_execution_time_ms", Float),
    Column("error_count_24h", Integer),
    Column("api_calls_24h", BigInteger),
    Column("is_scheduler_running", Boolean),
    Column("is_db_healthy", Boolean),
    Column("is_api_healthy", Boolean),
    Column("last_run", Instant),
    Column("next_run", Instant),
    Column("last_error", Text),
    Column("last_error_time", Instant),
    Column("recovery_attempts", Integer, nullable=False, server_default=text("0")),
    Column("last_recovery_action", Text),
    Column("recovery_successful", Boolean),
    Column("db_connections", Integer),
    Column("memory_usage_mb", Float),
    Column("cpu_usage_pct", Float),
    json_column("reasons", "[]"),  # why it has that status
    now_column("checked_at"),
    Column("mode", Text, nullable=False),
    CheckConstraint("health_status IN ('degraded', 'offline', 'online', 'planned', 'unknown')", name="health_status"),
)
Index("ix_system_health_logs_status", system_health_logs.c.module_name, system_health_logs.c.health_status)
Index("ix_system_health_logs_checked", system_health_logs.c.module_name, system_health_logs.c.checked_at)
Index("ix_system_health_logs_running", system_health_logs.c.is_scheduler_running, system_health_logs.c.is_db_healthy)
Index("ix_system_health_logs_errors", system_health_logs.c.error_count_24h, system_health_logs.c.checked_at)

status_spans = Table(
    "status_spans",
    metadata,
    id_column(),
    Column("scope", Text, nullable=False),  # "system", or a pair's slug
    Column("status", Text, nullable=False),
    now_column("since"),
    Column("seen_until", Instant, nullable=False, server_default=func.clock_timestamp()),  # the last look that agreed
    Column("ended_at", Instant),  # None = the span that holds
)
Index("uq_status_spans_open", status_spans.c.scope, unique=True, postgresql_where=text("ended_at IS NULL"))

incidents = Table(
    "incidents",
    metadata,
    id_column(),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False, server_default=text("''")),
    Column("severity", Integer, nullable=False),  # domain.alerts.Severity
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False, server_default=text("''")),
    json_column("detail"),
    Column("times", Integer, nullable=False, server_default=text("1")),  # looks that found it
    now_column("opened_at"),
    now_column("updated_at"),
    Column("resolved_at", Instant),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", Instant),
    Column("false_by", Text),  # who called it a false alarm
    CheckConstraint("severity BETWEEN 1 AND 3", name="severity"),
)
Index(
    "uq_incidents_open",
    incidents.c.kind,
    incidents.c.scope,
    unique=True,
    postgresql_where=text("resolved_at IS NULL"),
)
Index("ix_incidents_opened", incidents.c.opened_at)

notices = Table(
    "notices",
    metadata,
    id_column(),
    Column("incident_id", BigInteger, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("event", Text, nullable=False),  # opened | escalated | reminded | resolved
    Column("severity", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    now_column("wanted_at"),
    now_column("due_at"),  # later than wanted where quiet hours hold it back, or after a failure
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("sent_at", Instant),
    Column("given_up_at", Instant),
    Column("error", Text),
    CheckConstraint("event IN ('escalated', 'opened', 'reminded', 'resolved')", name="event"),
)
Index("ix_notices_due", notices.c.due_at, postgresql_where=text("sent_at IS NULL AND given_up_at IS NULL"))

recoveries = Table(
    "recoveries",
    metadata,
    id_column(),
    Column("trigger", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("platform", Text),
    Column("target", Text, nullable=False),  # a pair's slug, or a process
    Column("confidence", Float, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    json_column("evidence"),
    json_column("steps", "[]"),  # what was done, in order
    now_column("begun_at"),
    Column("verify_until", Instant),
    Column("ended_at", Instant),
    Column("outcome", Text, nullable=False, server_default=text("''")),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
    one_of("state", RecoveryState),
    one_of("action", RecoveryAction),
)
Index("ix_recoveries_target", recoveries.c.target, recoveries.c.begun_at)

recovery_procedures = Table(
    "recovery_procedures",
    metadata,
    id_column(),
    Column("pair", Text, nullable=False),  # a pair's slug
    Column("trigger", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    now_column("set_at"),
    Column("dropped_at", Instant),
    Column("dropped_by", Text),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
    one_of("action", RecoveryAction),
)

canaries = Table(
    "canaries",
    metadata,
    Column("worker", Text, primary_key=True),  # such as "cycles@host"
    Column("sent_at", Instant),
    Column("done_at", Instant),  # a process of its pool has written this
)

call_counts = Table(
    "call_counts",
    metadata,
    Column("platform", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("account", Text, nullable=False),  # the platform's id, "" = the token's own business
    Column(
        "pair", Text, nullable=False
    ),  # the pair's slug in whose name it was made, "" = the door, a person, the tower
    Column("hour_at", Instant, nullable=False),
    Column("calls", BigInteger, nullable=False, server_default=text("0")),
    Column("errors", BigInteger, nullable=False, server_default=text("0")),
    Column("total_ms", BigInteger, nullable=False, server_default=text("0")),
    Column("slowest_ms", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("platform", "mode", "account", "pair", "hour_at"),
)
Index("ix_call_counts_hour", call_counts.c.hour_at)  # each look asks for the last hours, of 30 days

platform_facts = Table(
    "platform_facts",
    metadata,
    Column("platform", Text, nullable=False),
    Column("mode", Text, nullable=False),
    now_column("checked_at"),
    Column("round_trip_ms", Float),
    Column("is_token_valid", Boolean),
    Column("token_expires_at", Instant),
    json_column("scopes", "[]"),
    Column("version", Text),
    Column("version_ends_on", Text),  # ISO date
    Column("newest_version", Text),
    Column("error", Text),  # why it could not be asked
    PrimaryKeyConstraint("platform", "mode"),
)
