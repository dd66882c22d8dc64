"""Which runs to ring for, and when again: a message may be lost, the row is not. Functions never commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select, update

from domain.health import OPEN_RUN_STATES, RunState
from domain.ids import RunId
from models.runs import RING_AGAIN_S, Run, about, from_now
from models.tables import accounts, runs


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRun:
    """A run to ring, with what Flower should show of it."""

    id: RunId
    task: str
    about: str


def take_due(conn: Connection, tasks: Sequence[str], limit: int) -> tuple[DueRun, ...]:
    """Return open runs whose ring time has come, oldest first, and set the next ring half a minute ahead."""
    due = (
        select(runs.c.id)
        .where(runs.c.state.in_(OPEN_RUN_STATES), runs.c.ring_at <= func.clock_timestamp(), runs.c.task.in_(tasks))
        .order_by(runs.c.ring_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    pushed = update(runs).where(runs.c.id.in_(due.scalar_subquery()), accounts.c.id == runs.c.account_id)
    rows = conn.execute(
        pushed.values(ring_at=from_now(RING_AGAIN_S)).returning(runs.c.id, runs.c.task, runs.c.slot_at, accounts.c.name)
    ).all()
    return tuple(_due(row) for row in sorted(rows, key=lambda row: row.id))


def take_waiting(conn: Connection, run: Run, tasks: Sequence[str]) -> tuple[DueRun, ...]:
    """Return planned runs of these tasks and the account that may have waited for this one: see `runs.claim`."""
    if not tasks:
        return ()
    held_up = and_(
        runs.c.task.in_(tasks),
        runs.c.account_id == run.account_id,
        runs.c.slot_at <= run.slot_at,
        runs.c.now_at >= run.slot_at,
        runs.c.state == RunState.PLANNED,
        accounts.c.id == runs.c.account_id,
    )
    pushed = update(runs).where(held_up).values(ring_at=from_now(RING_AGAIN_S))
    rows = conn.execute(pushed.returning(runs.c.id, runs.c.task, runs.c.slot_at, accounts.c.name)).all()
    return tuple(_due(row) for row in rows)


def take_next(conn: Connection, run: Run) -> tuple[DueRun, ...]:
    """Return the oldest run of the same cycle and account that nobody has begun: it may have found this one at work."""
    oldest = (
        select(runs.c.id)
        .where(
            runs.c.task == run.task,
            runs.c.account_id == run.account_id,
            runs.c.id != run.id,
            runs.c.state == RunState.PLANNED,
            runs.c.reason == "",  # one that was put back says why, and has a time of its own
        )
        .order_by(runs.c.slot_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    pushed = update(runs).where(runs.c.id.in_(oldest.scalar_subquery()), accounts.c.id == runs.c.account_id)
    rows = conn.execute(
        pushed.values(ring_at=from_now(RING_AGAIN_S)).returning(runs.c.id, runs.c.task, runs.c.slot_at, accounts.c.name)
    ).all()
    return tuple(_due(row) for row in rows)


def _due(row: Row[Any]) -> DueRun:
    return DueRun(id=RunId(row.id), task=row.task, about=about(row.name, row.slot_at))
