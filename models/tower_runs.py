"""The tower's own runs (health checks, commands, stops, resumes) and the health logs of checks. No commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.actions import JsonMap, Mode
from domain.health import CommandType, RunType, SystemStatus
from domain.ids import StopId
from models.cleaning import clean_json, clean_text
from models.tables import control_tower_runs as runs
from models.tables import system_health_logs as logs

_KEPT: Final = "90 days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The aggregates of a run; None = unknown. Budgets are minor units by currency."""

    checked: int = 0
    online: int = 0
    degraded: int = 0  # the unknown included
    offline: int = 0
    unknown: int = 0
    planned: int = 0
    api_calls_24h: int | None = None
    errors_24h: int | None = None
    campaigns_active: int | None = None
    daily_budget_minor: Mapping[str, int] = field(default_factory=dict)
    db_pool_size: int | None = None
    db_active: int | None = None
    db_query_avg_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerRun:
    """A row as it was written. `platform` None = of all."""

    id: UUID
    platform: str | None
    run_type: RunType
    command_type: CommandType | None
    command_id: int | None
    stop_id: StopId | None
    slot_at: datetime | None
    system_status: SystemStatus
    totals: Totals
    module_health_details: Mapping[str, Any]
    actions_executed: Sequence[Any]
    errors_encountered: Sequence[Any]
    recoveries_performed: Sequence[Any]
    recommendations: Sequence[Any]
    alerts: Sequence[Any]
    execution_time_ms: int
    executed_by: str
    executed_at: datetime
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLog:
    """One module at one check, to be written; the names are the columns'."""

    platform: str
    module_name: str
    module_full_name: str
    health_status: str  # a `ModuleStatus`, or "planned"
    mode: Mode
    success_rate: float | None = None
    avg_execution_time_ms: float | None = None
    error_count_24h: int | None = None
    api_calls_24h: int | None = None
    is_scheduler_running: bool | None = None
    is_db_healthy: bool | None = None
    is_api_healthy: bool | None = None
    last_run: datetime | None = None
    next_run: datetime | None = None
    last_error: str | None = None
    last_error_time: datetime | None = None
    recovery_attempts: int = 0
    last_recovery_action: str | None = None
    recovery_successful: bool | None = None
    db_connections: int | None = None
    memory_usage_mb: float | None = None
    cpu_usage_pct: float | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be written. `platform` None = of all."""

    run_type: RunType
    system_status: SystemStatus
    executed_by: str  # "scheduler", or who asked
    mode: Mode
    execution_time_ms: int
    platform: str | None = None
    command_type: CommandType | None = None
    command_id: int | None = None
    stop_id: StopId | None = None
    totals: Totals = Totals()
    details: JsonMap = field(default_factory=dict)
    actions: Sequence[JsonMap] = ()
    errors: Sequence[JsonMap] = ()
    recoveries: Sequence[JsonMap] = ()
    recommendations: Sequence[JsonMap] = ()
    alerts: Sequence[JsonMap] = ()


def add_run(conn: Connection, new: NewRun) -> UUID:
    """Write a run that somebody asked for."""
    found: UUID = conn.execute(insert(runs).values(**_values(new)).returning(runs.c.id)).scalar_one()
    return found


def claim_slot(conn: Connection, new: NewRun, slot_at: datetime) -> UUID | None:
    """Write the run of an hour; None if the platform's is there already."""
    row = upsert(runs).values(slot_at=slot_at, **_values(new))
    unclaimed = row.on_conflict_do_nothing(
        index_elements=[runs.c.platform, runs.c.slot_at], index_where=runs.c.slot_at.is_not(None)
    )
    found: UUID | None = conn.execute(unclaimed.returning(runs.c.id)).scalar_one_or_none()
    return found


def add_logs(conn: Connection, run_id: UUID, rows: Sequence[HealthLog]) -> None:
    """Write what a check found of each module."""
    values = [
        {name: getattr(row, name) for name in HealthLog.__dataclass_fields__}
        | {"run_id": run_id, "reasons": clean_json(list(row.reasons)), "last_error": _clean(row.last_error)}
        for row in rows
    ]
    if values:
        conn.execute(insert(logs), values)


def is_claimed(conn: Connection, platform: str, slot_at: datetime) -> bool:
    """Whether a slot of a platform has its run."""
    wanted = select(runs.c.id).where(runs.c.platform == platform, runs.c.slot_at == slot_at)
    return conn.execute(wanted).first() is not None


def get(conn: Connection, run_id: UUID) -> TowerRun | None:
    """Read one run."""
    row = conn.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    return None if row is None else _run(row)


def listing(
    conn: Connection,
    *,
    run_type: RunType | None = None,
    platform: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> tuple[TowerRun, ...]:
    """Read runs, newest first; `since` is Postgres' clock."""
    wanted = select(runs).order_by(runs.c.executed_at.desc(), runs.c.id).limit(limit)
    if run_type is not None:
        wanted = wanted.where(runs.c.run_type == run_type)
    if platform is not None:
        wanted = wanted.where(runs.c.platform == platform)
    if since is not None:
        wanted = wanted.where(runs.c.executed_at >= since)
    return tuple(_run(row) for row in conn.execute(wanted))


def logs_of(conn: Connection, run_id: UUID) -> tuple[Mapping[str, Any], ...]:
    """Read the logs of a check, a mapping of columns each, in the order of the modules' names."""
    rows = conn.execute(select(logs).where(logs.c.run_id == run_id).order_by(logs.c.module_name))
    return tuple(dict(row._mapping) for row in rows)  # noqa: SLF001 - SQLAlchemy's documented way


def this_hour(conn: Connection) -> datetime:
    """Read the hour that it is by Postgres' clock: the slot of the hourly check."""
    found: datetime = conn.execute(text("SELECT date_trunc('hour', clock_timestamp())")).scalar_one()
    return found


def forget_old(conn: Connection) -> int:
    """Drop health checks of over 90 days with their logs; commands, stops and resumes stay."""
    old = text(
        f"DELETE FROM control_tower_runs WHERE run_type = 'health_check'"  # noqa: S608 - a constant of this file
        f" AND executed_at < clock_timestamp() - interval '{_KEPT}'"
    )
    return conn.execute(old).rowcount


def _values(new: NewRun) -> dict[str, object]:
    return {
        "run_type": new.run_type,
        "system_status": new.system_status,
        "executed_by": clean_text(new.executed_by),
        "mode": new.mode,
        "execution_time_ms": new.execution_time_ms,
        "platform": new.platform,
        "command_type": new.command_type,
        "command_id": new.command_id,
        "stop_id": new.stop_id,
        "module_health_details": clean_json(dict(new.details)),
        "actions_executed": _rows(new.actions),
        "errors_encountered": _rows(new.errors),
        "recoveries_performed": _rows(new.recoveries),
        "recommendations": _rows(new.recommendations),
        "alerts": _rows(new.alerts),
        **_columns(new.totals),
    }


def _columns(totals: Totals) -> dict[str, object]:
    return {
        "total_modules_checked": totals.checked,
        "online_modules": totals.online,
        "degraded_modules": totals.degraded,
        "offline_modules": totals.offline,
        "unknown_modules": totals.unknown,
        "planned_modules": totals.planned,
        "total_api_calls_24h": totals.api_calls_24h,
        "total_errors_24h": totals.errors_24h,
        "total_campaigns_active": totals.campaigns_active,
        "total_daily_budget": dict(totals.daily_budget_minor),
        "db_connection_pool_size": totals.db_pool_size,
        "db_active_connections": totals.db_active,
        "db_query_avg_ms": totals.db_query_avg_ms,
    }


def _run(row: Row[Any]) -> TowerRun:
    totals = Totals(
        checked=row.total_modules_checked,
        online=row.online_modules,
        degraded=row.degraded_modules,
        offline=row.offline_modules,
        unknown=row.unknown_modules,
        planned=row.planned_modules,
        api_calls_24h=row.total_api_calls_24h,
        errors_24h=row.total_errors_24h,
        campaigns_active=row.total_campaigns_active,
        daily_budget_minor=row.total_daily_budget,
        db_pool_size=row.db_connection_pool_size,
        db_active=row.db_active_connections,
        db_query_avg_ms=row.db_query_avg_ms,
    )
    plain = ("id", "platform", "command_id", "stop_id", "slot_at", "module_health_details", "actions_executed",
             "errors_encountered", "recoveries_performed", "recommendations", "alerts", "execution_time_ms",
             "executed_by", "executed_at", "mode")  # fmt: skip
    return TowerRun(
        run_type=RunType(row.run_type),
        command_type=None if row.command_type is None else CommandType(row.command_type),
        system_status=SystemStatus(row.system_status),
        totals=totals,
        **{name: getattr(row, name) for name in plain},
    )


def _rows(rows: Sequence[JsonMap]) -> object:
    return clean_json([dict(row) for row in rows])


def _clean(value: str | None) -> str | None:
    return None if value is None else clean_text(value)
