"""Signs of life of processes, on Postgres' clock. Evidence, not commands. Functions never commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.actions import JsonMap
from models.tables import heartbeats


class ProcessKind(StrEnum):
    """Processes that give signs of life."""

    TOWER = "tower"
    WORKER = "worker"
    BEAT = "beat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The last sign of a process, and how old it was when read."""

    process: str
    kind: ProcessKind
    seen_at: datetime
    age_s: float
    detail: Mapping[str, Any]


def beat(conn: Connection, *, process: str, kind: ProcessKind, detail: JsonMap) -> None:
    """Give a sign."""
    values = {"kind": kind, "seen_at": func.clock_timestamp(), "detail": dict(detail)}
    statement = insert(heartbeats).values(process=process, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=[heartbeats.c.process], set_=values))


def listing(conn: Connection, kind: ProcessKind | None = None) -> tuple[Heartbeat, ...]:
    """Return the last signs, freshest first."""
    age_s = func.extract("epoch", func.clock_timestamp() - heartbeats.c.seen_at)
    wanted = select(heartbeats, age_s.label("age_s")).order_by(heartbeats.c.seen_at.desc())
    if kind is not None:
        wanted = wanted.where(heartbeats.c.kind == kind)
    return tuple(
        Heartbeat(
            process=row.process,
            kind=ProcessKind(row.kind),
            seen_at=row.seen_at,
            age_s=float(row.age_s),
            detail=row.detail,
        )
        for row in conn.execute(wanted)
    )


def forget(conn: Connection, process: str) -> None:
    """Drop the sign of a process that has ended in order."""
    conn.execute(delete(heartbeats).where(heartbeats.c.process == process))


def forget_older(conn: Connection, age: timedelta) -> int:
    """Drop signs of processes that are long gone."""
    old = heartbeats.c.seen_at < func.clock_timestamp() - age
    return conn.execute(delete(heartbeats).where(old)).rowcount
