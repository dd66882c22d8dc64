"""The store of emergency stops; what each paused is in `stop_items`. When and why is decided in `actions`.

Every instant is Postgres' clock. A stop is open until somebody opens its fence again; each scope has one at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert

from domain.actions import IN_FLIGHT, Json
from domain.errors import BadInputError
from domain.ids import AccountId, StopId
from models.tables import Instant, actions, stop_items, stops

_NOW = func.clock_timestamp(type_=Instant)
_OPEN = stops.c.opened_at.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One closing of the fence. `account_id` None = of all accounts; the four times are None until they are reached."""

    id: StopId
    account_id: AccountId | None
    reason: str
    actor: str
    closed_at: datetime  # the flag is committed
    quiet_at: datetime | None  # nothing that passed the fence before is still on its way out
    fenced_at: datetime | None  # whoever ordered it has the answer
    paused_at: datetime | None  # everything that it was to pause is settled
    in_doubt: tuple[Mapping[str, Any], ...]
    pauses: bool  # whether what spends is to be paused too
    halts: bool  # schedulers are to stand still too
    alerts: bool  # people are to be told
    halted: tuple[Mapping[str, Any], ...]  # what each worker answered, and what became of those that did not
    listed_at: datetime | None
    opened_at: datetime | None
    opened_by: str | None


def add(
    conn: Connection,
    *,
    account_id: AccountId | None,
    reason: str,
    actor: str,
    pauses: bool,
    halts: bool = False,
    alerts: bool = True,
) -> StopId | None:
    """Record a stop that begins now; None if one of the same scope is open."""
    values = {"reason": reason, "actor": actor, "pauses": pauses, "halts": halts, "alerts": alerts}
    row = insert(stops).values(account_id=account_id, **values)
    added = conn.execute(row.on_conflict_do_nothing().returning(stops.c.id)).scalar_one_or_none()
    return None if added is None else StopId(added)


def get(conn: Connection, stop_id: StopId, *, hold: bool = False) -> Stop:
    """Read one stop; `hold` keeps it as it is until the transaction ends.

    Raises:
        BadInputError: there is none of that id.
    """
    query = select(stops).where(stops.c.id == stop_id)
    row = conn.execute(query.with_for_update() if hold else query).first()
    if row is None:
        raise BadInputError(f"no stop {stop_id}; `stakazo fence status` shows those that were ordered")
    return _stop(row)


def open_of(conn: Connection, account_id: AccountId | None) -> Stop | None:
    """Find the open stop of exactly this scope; None as scope = of all accounts."""
    row = conn.execute(select(stops).where(_OPEN, _is_scope(account_id))).first()
    return None if row is None else _stop(row)


def listing(conn: Connection, *, only_open: bool = False, limit: int = 50) -> tuple[Stop, ...]:
    """Read stops, the newest first."""
    query = select(stops).where(_OPEN if only_open else true()).order_by(stops.c.id.desc()).limit(limit)
    return tuple(_stop(row) for row in conn.execute(query))


def covering(conn: Connection, account_id: AccountId) -> tuple[Stop, ...]:
    """The open stops that keep an account's fence closed, the oldest first."""
    scope = or_(stops.c.account_id.is_(None), stops.c.account_id == account_id)
    return tuple(_stop(row) for row in conn.execute(select(stops).where(_OPEN, scope).order_by(stops.c.id)))


def unfinished(conn: Connection) -> tuple[StopId, ...]:
    """Open stops of which somebody has still to do something: halt, drain, list, or pause. The oldest first."""
    wants = or_(
        stops.c.quiet_at.is_(None),
        stops.c.fenced_at.is_(None),
        and_(stops.c.pauses, stops.c.paused_at.is_(None)),
        and_(stops.c.halts, func.jsonb_array_length(stops.c.halted) == 0),
    )
    return tuple(StopId(row[0]) for row in conn.execute(select(stops.c.id).where(_OPEN, wants).order_by(stops.c.id)))


def is_halting(conn: Connection) -> bool:
    """Say whether an open stop wants all schedulers to stand still."""
    halting = exists().where(_OPEN, stops.c.halts, stops.c.account_id.is_(None))
    return bool(conn.execute(select(halting)).scalar_one())


def want_pauses(conn: Connection, stop_id: StopId) -> None:
    """Say that what spends is to be paused too."""
    conn.execute(update(stops).where(stops.c.id == stop_id).values(pauses=True))


def want_halts(conn: Connection, stop_id: StopId) -> None:
    """Say that schedulers are to stand still too; a stop is not finished before it is written down who does."""
    conn.execute(update(stops).where(stops.c.id == stop_id).values(halts=True))


def want_alerts(conn: Connection, stop_id: StopId) -> None:
    """Say that people are to be told."""
    conn.execute(update(stops).where(stops.c.id == stop_id).values(alerts=True))


def note_halted(conn: Connection, stop_id: StopId, rows: Sequence[Mapping[str, Json]]) -> None:
    """Write down what became of each worker; of one that was written down before, the newest counts."""
    held = get(conn, stop_id, hold=True)
    told = rows or [{"worker": "", "fate": "none is known", "terminated": [], "advice": ""}]
    by_worker = {row["worker"]: dict(row) for row in (*held.halted, *told)}
    _changed(conn, stop_id, halted=list(by_worker.values()))


def note_drained(conn: Connection, stop_id: StopId, *, is_quiet: bool, in_doubt: Sequence[Mapping[str, Json]]) -> Stop:
    """Write down that the answer is given, who is in doubt, and whether it is quiet; times once written stay."""
    fenced_at = func.coalesce(stops.c.fenced_at, _NOW)
    values: dict[str, Any] = {"fenced_at": fenced_at, "in_doubt": [dict(row) for row in in_doubt]}
    if is_quiet:
        values = {"quiet_at": func.coalesce(stops.c.quiet_at, _NOW), **values}
    return _changed(conn, stop_id, **values)


def note_listed(conn: Connection, stop_id: StopId) -> Stop:
    """Write down that its items are complete."""
    return _changed(conn, stop_id, listed_at=func.coalesce(stops.c.listed_at, _NOW))


def note_paused(conn: Connection, stop_id: StopId) -> bool:
    """Write down that all its pauses are settled, if they are; say whether that is so."""
    is_open = exists().where(
        stop_items.c.stop_id == stop_id, actions.c.id == stop_items.c.action_id, actions.c.state.in_(IN_FLIGHT)
    )
    change = update(stops).where(stops.c.id == stop_id, stops.c.listed_at.is_not(None), ~is_open)
    values = {"paused_at": func.coalesce(stops.c.paused_at, _NOW)}
    return conn.execute(change.values(values)).rowcount == 1


def open_(conn: Connection, stop_id: StopId, *, actor: str) -> Stop:
    """End a stop; the caller opens the flag in the same transaction."""
    return _changed(conn, stop_id, opened_at=_NOW, opened_by=actor)


def _changed(conn: Connection, stop_id: StopId, **values: object) -> Stop:
    row = conn.execute(update(stops).where(stops.c.id == stop_id).values(**values).returning(*stops.c)).one()
    return _stop(row)


def _is_scope(account_id: AccountId | None) -> ColumnElement[bool]:
    return stops.c.account_id.is_(None) if account_id is None else stops.c.account_id == account_id


def _stop(row: Row[Any]) -> Stop:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return Stop(**{**values, "in_doubt": tuple(values["in_doubt"]), "halted": tuple(values["halted"])})
