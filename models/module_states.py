"""Which pairs may run: the desired state. A pair without a row is wanted running. Functions never commit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from domain import catalogue
from models import audit, stops
from models.audit import Line
from models.tables import module_states


class Desired(StrEnum):
    """What is wanted of a pair."""

    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleState:
    """The desired state of a pair, and who set it."""

    pair: str
    desired: Desired
    reason: str
    changed_by: str
    changed_at: datetime
    restarted_at: datetime | None = None  # runs begun before end at their next look and begin anew


def listing(conn: Connection) -> Mapping[str, ModuleState]:
    """Return pair slug → state, for pairs that somebody has set."""
    rows = conn.execute(select(module_states).order_by(module_states.c.pair))
    return {
        row.pair: ModuleState(
            pair=row.pair,
            desired=Desired(row.desired),
            reason=row.reason,
            changed_by=row.changed_by,
            changed_at=row.changed_at,
            restarted_at=row.restarted_at,
        )
        for row in rows
    }


def stopped(conn: Connection) -> frozenset[str]:
    """Return slugs of the pairs that must not run: those that somebody stopped; all of them under a halting stop.

    Whoever looks sees it so, for as long as that stop is open: a worker that starts anew, a message that is replayed.
    """
    if stops.is_halting(conn):
        return frozenset(pair.slug for pair in catalogue.PAIRS)
    wanted = select(module_states.c.pair).where(module_states.c.desired == Desired.STOPPED)
    return frozenset(conn.execute(wanted).scalars())


def restarted_at(conn: Connection, pair: str) -> datetime | None:
    """Return when somebody last had this pair's runs begin anew, by Postgres' clock; None = never."""
    found: datetime | None = conn.execute(
        select(module_states.c.restarted_at).where(module_states.c.pair == pair)
    ).scalar()
    return found


def set_desired(conn: Connection, pairs: Iterable[str], desired: Desired, *, reason: str, changed_by: str) -> None:
    """Set what is wanted of these pairs."""
    before, lines = listing(conn), list[Line]()
    for pair in sorted(set(pairs)):
        values = {"desired": desired, "reason": reason, "changed_by": changed_by}
        statement = insert(module_states).values(pair=pair, **values)
        changed = {**values, "changed_at": func.clock_timestamp()}
        conn.execute(statement.on_conflict_do_update(index_elements=[module_states.c.pair], set_=changed))
        was = before[pair].desired if pair in before else Desired.RUNNING
        told = {"pair": pair, "before": was, "after": desired, "reason": reason}
        lines.append(Line(actor=changed_by, event=f"module.{desired}", detail=told))
    audit.append(conn, None, lines)  # behind all rows, here and below: whoever has the audit waits for no row


def set_first(conn: Connection, pairs: Iterable[str], desired: Desired, *, reason: str, changed_by: str) -> None:
    """Set what is wanted of pairs that nobody has ever set; others keep what a person chose."""
    lines = list[Line]()
    for pair in sorted(set(pairs)):
        statement = insert(module_states).values(pair=pair, desired=desired, reason=reason, changed_by=changed_by)
        if conn.execute(statement.on_conflict_do_nothing()).rowcount:
            told = {"pair": pair, "before": None, "after": desired, "reason": reason}
            lines.append(Line(actor=changed_by, event=f"module.{desired}", detail=told))
    audit.append(conn, None, lines)


def restart(conn: Connection, pairs: Iterable[str], *, reason: str, changed_by: str) -> None:
    """Let runs of these pairs that began before now end at their next look and begin anew; who is stopped stays so."""
    lines = list[Line]()
    for pair in sorted(set(pairs)):
        values = {"desired": Desired.RUNNING, "reason": reason, "changed_by": changed_by}
        row = insert(module_states).values(pair=pair, restarted_at=func.clock_timestamp(), **values)
        changed = {"restarted_at": func.clock_timestamp()}
        conn.execute(row.on_conflict_do_update(index_elements=[module_states.c.pair], set_=changed))
        lines.append(Line(actor=changed_by, event="module.restarted", detail={"pair": pair, "reason": reason}))
    audit.append(conn, None, lines)
