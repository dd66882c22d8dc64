"""What a stop does to run rows: which are at work, and ending those whose worker was halted. Functions never commit."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from domain.health import RunState
from domain.ids import AccountId, RunId
from models.cleaning import clean_text
from models.tables import runs


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """A run that somebody is at; `worker` is such as "cycles@host"."""

    id: RunId
    task: str
    worker: str


def at_work(conn: Connection, account_id: AccountId | None = None) -> tuple[AtWork, ...]:
    """Find runs whose claim has not run out, of one account or all."""
    query = select(runs.c.id, runs.c.task, runs.c.worker, runs.c.lease_owner).where(
        runs.c.state == RunState.RUNNING, runs.c.lease_until > func.clock_timestamp()
    )
    if account_id is not None:
        query = query.where(runs.c.account_id == account_id)
    rows = conn.execute(query.order_by(runs.c.id))
    return tuple(AtWork(id=RunId(row[0]), task=row[1], worker=row[2] or str(row[3]).partition("/")[0]) for row in rows)


def end_of(conn: Connection, workers: Collection[str], *, reason: str) -> tuple[AtWork, ...]:
    """End the runs that these workers were at; what a straggler among their tasks writes finds its claim lost."""
    took_s = func.extract("epoch", func.clock_timestamp() - runs.c.started_at)
    ended = (
        update(runs)
        .where(runs.c.state == RunState.RUNNING, runs.c.worker.in_(sorted(workers)))
        .values(
            state=RunState.STOPPED,
            reason=clean_text(reason),
            lease_owner=None,
            lease_until=None,
            finished_at=func.clock_timestamp(),
            duration_ms=func.round(took_s * 1000),
        )
        .returning(runs.c.id, runs.c.task, runs.c.worker)
    )
    return tuple(AtWork(id=RunId(row[0]), task=row[1], worker=row[2]) for row in conn.execute(ended))
