"""Stops and resumes among the tower's own runs, a row each: who, when, what became of the workers, how long it took."""

from sqlalchemy import Connection, select

from domain.actions import JsonMap, Mode
from domain.health import RunType, SystemStatus
from models import accounts, stops, tower_runs
from models.stops import Stop
from models.tables import control_tower_runs


def record_stop(conn: Connection, held: Stop) -> None:
    """Write the stop's row once, as it was answered."""
    if _is_recorded(conn, held, RunType.EMERGENCY_STOP):
        return
    answered_at = held.fenced_at or held.closed_at
    new = tower_runs.NewRun(
        run_type=RunType.EMERGENCY_STOP,
        system_status=SystemStatus.EMERGENCY_STOP,
        executed_by=held.actor,
        mode=_mode(conn, held),
        execution_time_ms=round((answered_at - held.closed_at).total_seconds() * 1000),
        stop_id=held.id,
        details={"reason": held.reason, "account": held.account_id, "in_doubt": len(held.in_doubt)},
        actions=[dict(row) for row in held.halted],
    )
    tower_runs.add_run(conn, new)


def record_resume(conn: Connection, held: Stop, *, resumed: int, by: str) -> None:
    """Write the row of the stop's end once; how the house is then, the next check of health says."""
    if _is_recorded(conn, held, RunType.RESUME):
        return
    is_stopped = any(row.account_id is None for row in stops.listing(conn, only_open=True))
    told: JsonMap = {"stop": held.id, "resumed": resumed}
    new = tower_runs.NewRun(
        run_type=RunType.RESUME,
        system_status=SystemStatus.EMERGENCY_STOP if is_stopped else SystemStatus.DEGRADED,
        executed_by=by,
        mode=_mode(conn, held),
        execution_time_ms=0,
        stop_id=held.id,
        actions=[told],
    )
    tower_runs.add_run(conn, new)


def _is_recorded(conn: Connection, held: Stop, run_type: RunType) -> bool:
    stops.get(conn, held.id, hold=True)  # several may finish the same stop at once
    runs = control_tower_runs.c
    found = select(runs.id).where(runs.stop_id == held.id, runs.run_type == run_type).limit(1)
    return conn.execute(found).first() is not None


def _mode(conn: Connection, held: Stop) -> Mode:
    """LIVE where real money is concerned."""
    scope = accounts.listing(conn) if held.account_id is None else (accounts.get(conn, held.account_id),)
    return Mode.LIVE if any(row.mode is Mode.LIVE for row in scope) else Mode.STUB
