"""Commands among the tower's own runs: a row each as it ends, with the status that the house was last seen in."""

from typing import Final

from sqlalchemy import Connection

from domain.actions import Mode
from domain.health import RunType, SystemStatus
from models import accounts, status_spans, stops, tower_runs
from models.commands import Command, CommandState
from models.engine import db_now
from models.tower_runs import NewRun

_FRESH_S: Final = 120.0  # a status seen longer ago is none


def record(conn: Connection, command: Command) -> None:
    """Write the row of a command that has ended, in the transaction that ends it."""
    began_at = command.started_at or command.created_at
    took = (command.finished_at or began_at) - began_at
    why = command.results.get("why")
    new = NewRun(
        run_type=RunType.COMMAND,
        command_type=command.command_type,
        command_id=command.id,
        system_status=_status(conn),
        executed_by=command.actor,
        mode=_mode(conn, command),
        execution_time_ms=round(took.total_seconds() * 1000),
        platform=command.platform,
        details={"reason": command.reason, "modules": list(command.target_modules), "state": command.state},
        actions=[dict(row) for row in command.actions],
        errors=[{"why": str(why)}] if why and command.state is CommandState.FAILED else [],
    )
    tower_runs.add_run(conn, new)


def _status(conn: Connection) -> SystemStatus:
    """What was seen last; where nothing was seen lately it is not called healthy."""
    if any(held.account_id is None for held in stops.listing(conn, only_open=True)):
        return SystemStatus.EMERGENCY_STOP
    span = status_spans.current(conn).get(status_spans.SYSTEM)
    if span is None or (db_now(conn) - span.seen_until).total_seconds() > _FRESH_S:
        return SystemStatus.DEGRADED
    return SystemStatus(span.status)


def _mode(conn: Connection, command: Command) -> Mode:
    """LIVE where real money is concerned."""
    scope = [row for row in accounts.listing(conn, command.platform) if command.account_id in {None, row.id}]
    return Mode.LIVE if any(row.mode is Mode.LIVE for row in scope) else Mode.STUB
