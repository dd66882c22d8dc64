"""Looks at runs that a command waits for or wakes. Functions never commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select, update

from domain.health import RunState
from domain.ids import AccountId, RunId
from models.tables import runs


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """A run that somebody is at."""

    id: RunId
    task: str
    worker: str | None

    def __str__(self) -> str:
        return f"run {self.id} of {self.task} on {self.worker or 'a worker'}"


def at_work(
    conn: Connection,
    tasks: Sequence[str],
    *,
    account_id: AccountId | None = None,
    begun_before: datetime | None = None,
) -> tuple[AtWork, ...]:
    """Return runs of these tasks that hold a lease, the oldest first."""
    wanted = and_(
        runs.c.task.in_(tasks), runs.c.state == RunState.RUNNING, runs.c.lease_until > func.clock_timestamp()
    )  # fmt: skip
    if account_id is not None:
        wanted = and_(wanted, runs.c.account_id == account_id)
    if begun_before is not None:
        wanted = and_(wanted, runs.c.started_at < begun_before)
    rows = conn.execute(select(runs.c.id, runs.c.task, runs.c.worker).where(wanted).order_by(runs.c.id))
    return tuple(AtWork(id=RunId(row.id), task=row.task, worker=row.worker) for row in rows)


def make_due(conn: Connection, tasks: Sequence[str]) -> int:
    """Let the planned runs of these tasks be rung for at the next look; returns how many."""
    waiting = and_(runs.c.task.in_(tasks), runs.c.state == RunState.PLANNED)
    return conn.execute(update(runs).where(waiting).values(ring_at=func.clock_timestamp())).rowcount
