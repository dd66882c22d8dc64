"""What runs have been: reading run rows back, and the log row per thing that a run did. Functions never commit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, func, select, text

from domain.actions import Json, JsonMap
from domain.health import OPEN_RUN_STATES
from domain.ids import AccountId, RunId
from models.cleaning import json_document
from models.runs import Run, as_run
from models.tables import run_logs, runs

_CHUNK: Final = 500  # rows in a statement
_FORGOTTEN_AT_ONCE: Final = 20_000  # a day's runs of fifty accounts
_FORGET: Final = text(
    """
    DELETE FROM runs WHERE id IN (
        SELECT id FROM runs WHERE state NOT IN ('planned', 'running')
          AND coalesce(finished_at, created_at) < clock_timestamp() - interval '30 days'
        ORDER BY id LIMIT :most
    )
    """
)
_INSERT_LOGS: Final = text(
    """
    INSERT INTO run_logs (run_id, step, action, success, input_snapshot, output_snapshot, error_message, entity_type,
                          entity_id)
    SELECT :run_id, step, action, success, input_snapshot, output_snapshot, error_message, entity_type, entity_id
    FROM json_to_recordset(CAST(:rows AS json)) AS entry (
        place int, step text, action text, success boolean, input_snapshot jsonb, output_snapshot jsonb,
        error_message text, entity_type text, entity_id text
    )
    ORDER BY place
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One thing that a run did, to be written: step and action are such as "step_2_decisions", "roas_step"."""

    step: str
    action: str
    success: bool = True
    input_snapshot: JsonMap = field(default_factory=dict)
    output_snapshot: JsonMap = field(default_factory=dict)
    error_message: str | None = None
    entity_type: str | None = None
    entity_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLog:
    """A log row as it was written."""

    id: int
    run_id: RunId
    step: str
    action: str
    input_snapshot: Mapping[str, Any]
    output_snapshot: Mapping[str, Any]
    success: bool
    error_message: str | None
    entity_type: str | None
    entity_id: str | None
    created_at: datetime


def get(conn: Connection, run_id: RunId) -> Run | None:
    """Return a run, None if there is none."""
    row = conn.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    return None if row is None else as_run(row)


def history(
    conn: Connection, *, task: str | None = None, account_id: AccountId | None = None, limit: int = 50
) -> tuple[Run, ...]:
    """Return runs, newest slot first."""
    wanted = select(runs).order_by(runs.c.slot_at.desc(), runs.c.id.desc()).limit(limit)
    if task is not None:
        wanted = wanted.where(runs.c.task == task)
    if account_id is not None:
        wanted = wanted.where(runs.c.account_id == account_id)
    return tuple(as_run(row) for row in conn.execute(wanted))


def last(conn: Connection, *, task: str, account_id: AccountId | None = None) -> Run | None:
    """Return the newest run of a task."""
    return next(iter(history(conn, task=task, account_id=account_id, limit=1)), None)


def open_runs(conn: Connection) -> tuple[Run, ...]:
    """Return runs that are planned or running, oldest first."""
    wanted = select(runs).where(runs.c.state.in_(OPEN_RUN_STATES)).order_by(runs.c.id)
    return tuple(as_run(row) for row in conn.execute(wanted))


def count_open(conn: Connection) -> int:
    """Return how many runs are planned or running."""
    return conn.execute(select(func.count()).where(runs.c.state.in_(OPEN_RUN_STATES))).scalar_one()


def write_logs(conn: Connection, run_id: RunId, entries: Iterable[LogEntry]) -> None:
    """Write log rows of a run, in their order; a cycle of a large account writes thousands, hence one document each."""
    left = iter(entries)
    while chunk := list(islice(left, _CHUNK)):  # ends with the entries
        rows: list[Json] = [
            {
                "place": place,
                "step": entry.step,
                "action": entry.action,
                "success": entry.success,
                "input_snapshot": dict(entry.input_snapshot),
                "output_snapshot": dict(entry.output_snapshot),
                "error_message": entry.error_message,
                "entity_type": entry.entity_type,
                "entity_id": entry.entity_id,
            }
            for place, entry in enumerate(chunk)
        ]
        conn.execute(_INSERT_LOGS, {"run_id": run_id, "rows": json_document(rows)})


def logs(conn: Connection, run_id: RunId) -> tuple[RunLog, ...]:
    """Return a run's log rows, oldest first."""
    rows = conn.execute(select(run_logs).where(run_logs.c.run_id == run_id).order_by(run_logs.c.id))
    return tuple(RunLog(**row._mapping) for row in rows)  # noqa: SLF001 - SQLAlchemy's documented way


def forget_old(conn: Connection) -> int:
    """Drop runs that ended over 30 days ago and their logs, the oldest first, some at once; their actions stay."""
    return conn.execute(_FORGET, {"most": _FORGOTTEN_AT_ONCE}).rowcount
