"""The store of emergency stops and of what each paused. When and why is decided in `actions`; nothing is sent here.

Every instant is Postgres' clock. A stop is open until somebody opens its fence again; each scope has one at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert

from domain.actions import IN_FLIGHT, RECORDED_ONLY, ActionKind, ActionState, Json, ObjectKind
from domain.errors import BadInputError
from domain.ids import AccountId, ActionId, StopId
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
    listed_at: datetime | None
    opened_at: datetime | None
    opened_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One object that a stop paused, or was to pause; `pause_state` is where its pause stands, None = it has none."""

    stop_id: StopId
    account_id: AccountId
    object_kind: ObjectKind
    object_id: str
    object_name: str
    status_before: str
    spend_minor: int
    action_id: ActionId | None
    pause_state: ActionState | None
    pause_sent_at: datetime | None  # platform's clock; None = nothing was sent for it
    resume_action_id: ActionId | None
    resume_state: ActionState | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """An action of ours on an object that a stop has paused, beside that pause."""

    action_id: ActionId
    rule: str
    state: ActionState


def add(conn: Connection, *, account_id: AccountId | None, reason: str, actor: str, pauses: bool) -> StopId | None:
    """Record a stop that begins now; None if one of the same scope is open."""
    row = insert(stops).values(account_id=account_id, reason=reason, actor=actor, pauses=pauses)
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
    """Open stops of which somebody has still to do something: drain, list, or pause. The oldest first."""
    wants = or_(
        stops.c.quiet_at.is_(None), stops.c.fenced_at.is_(None), and_(stops.c.pauses, stops.c.paused_at.is_(None))
    )
    return tuple(StopId(row[0]) for row in conn.execute(select(stops.c.id).where(_OPEN, wants).order_by(stops.c.id)))


def want_pauses(conn: Connection, stop_id: StopId) -> None:
    """Say that what spends is to be paused too."""
    conn.execute(update(stops).where(stops.c.id == stop_id).values(pauses=True))


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


def add_items(conn: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Put objects on a stop's list; those that are on it stay as they are."""
    if rows:
        conn.execute(insert(stop_items).on_conflict_do_nothing(), [dict(row) for row in rows])


def being_paused(conn: Connection, account_id: AccountId) -> frozenset[str]:
    """Objects of an account on which a stop's pause is under way: there cannot be a second one."""
    rows = conn.execute(
        select(actions.c.object_id).where(
            actions.c.account_id == account_id,
            actions.c.kind == ActionKind.EMERGENCY_PAUSE,
            actions.c.state.in_(IN_FLIGHT),
        )
    )
    return frozenset(row[0] for row in rows)


def listed(conn: Connection, stop_id: StopId, account_id: AccountId) -> frozenset[tuple[ObjectKind, str]]:
    """What of an account is on a stop's list."""
    rows = conn.execute(
        select(stop_items.c.object_kind, stop_items.c.object_id).where(
            stop_items.c.stop_id == stop_id, stop_items.c.account_id == account_id
        )
    )
    return frozenset((ObjectKind(row[0]), row[1]) for row in rows)


def items(conn: Connection, stop_id: StopId) -> tuple[Item, ...]:
    """What a stop paused or was to pause, what spends most first."""
    pause, resume = actions.alias("pause"), actions.alias("resume")
    query = (
        select(
            *stop_items.c,
            pause.c.state.label("pause_state"),
            pause.c.sent_platform_at.label("pause_sent_at"),
            resume.c.state.label("resume_state"),
        )
        .join(pause, pause.c.id == stop_items.c.action_id, isouter=True)
        .join(resume, resume.c.id == stop_items.c.resume_action_id, isouter=True)
        .where(stop_items.c.stop_id == stop_id)
        .order_by(stop_items.c.spend_minor.desc(), stop_items.c.account_id, stop_items.c.object_id)
    )
    return tuple(_item(row) for row in conn.execute(query))


def touched_since(conn: Connection, stop_id: StopId) -> Mapping[tuple[AccountId, ObjectKind, str], Touch]:
    """What of ours else was done, or may yet be, to a stop's objects since it paused them; the newest each.

    A pause by another stop counts while that stop is open, or if it really had something to switch off.
    """
    pause, other, theirs = actions.alias("pause"), actions.alias("other"), stops.alias("theirs")
    query = (
        select(other.c.account_id, other.c.object_kind, other.c.object_id, other.c.id, other.c.rule, other.c.state)
        .select_from(stop_items)
        .join(pause, pause.c.id == stop_items.c.action_id)
        .join(
            other,
            and_(
                other.c.account_id == stop_items.c.account_id,
                other.c.object_kind == stop_items.c.object_kind,
                other.c.object_id == stop_items.c.object_id,
                other.c.id != stop_items.c.action_id,
                other.c.id.is_distinct_from(stop_items.c.resume_action_id),
            ),
        )
        .join(theirs, theirs.c.id == other.c.stop_id, isouter=True)
        .where(
            stop_items.c.stop_id == stop_id,
            other.c.kind.not_in(RECORDED_ONLY),
            other.c.state.in_(IN_FLIGHT | {ActionState.APPLIED}),
            or_(other.c.id > pause.c.id, func.coalesce(other.c.finished_at, _NOW) > pause.c.created_at),
            or_(other.c.stop_id.is_(None), theirs.c.opened_at.is_(None), other.c.sent_at.is_not(None)),
        )
        .order_by(other.c.id)  # of several the newest is kept
    )
    return {
        (row[0], ObjectKind(row[1]), row[2]): Touch(action_id=row[3], rule=row[4], state=ActionState(row[5]))
        for row in conn.execute(query)
    }


def note_resumed(
    conn: Connection, item: Item, *, action_id: ActionId | None = None, note: str | None = None
) -> None:
    """Write down by which action an item is resumed, or why it is left as it is."""
    values: dict[str, object] = {} if action_id is None else {"resume_action_id": action_id}
    if note is not None:
        values["note"] = note
    conn.execute(
        update(stop_items)
        .where(
            stop_items.c.stop_id == item.stop_id,
            stop_items.c.account_id == item.account_id,
            stop_items.c.object_kind == item.object_kind,
            stop_items.c.object_id == item.object_id,
        )
        .values(values)
    )


def unsettled(conn: Connection, stop_id: StopId) -> tuple[tuple[ActionId, ActionState, float], ...]:
    """Pauses of a stop that have no outcome yet, what spends most first; with the seconds until they may be looked at."""
    free_at = func.greatest(actions.c.next_at, func.coalesce(actions.c.lease_until, actions.c.next_at))
    wait_s = func.greatest(0, func.extract("epoch", free_at - _NOW))
    query = (
        select(actions.c.id, actions.c.state, wait_s)
        .join(stop_items, stop_items.c.action_id == actions.c.id)
        .where(stop_items.c.stop_id == stop_id, actions.c.state.in_(IN_FLIGHT))
        .order_by(stop_items.c.spend_minor.desc(), actions.c.id)
    )
    return tuple((ActionId(row[0]), ActionState(row[1]), float(row[2])) for row in conn.execute(query))


def progress(conn: Connection, stop_id: StopId) -> tuple[int, int]:
    """How many of a stop's pauses have an outcome, and how many there are."""
    settled = func.count(case((actions.c.state.not_in(IN_FLIGHT), 1)))
    query = select(settled, func.count()).select_from(stop_items)
    row = conn.execute(
        query.join(actions, actions.c.id == stop_items.c.action_id).where(stop_items.c.stop_id == stop_id)
    ).one()
    return int(row[0]), int(row[1])


def _changed(conn: Connection, stop_id: StopId, **values: object) -> Stop:
    row = conn.execute(update(stops).where(stops.c.id == stop_id).values(**values).returning(*stops.c)).one()
    return _stop(row)


def _is_scope(account_id: AccountId | None) -> ColumnElement[bool]:
    return stops.c.account_id.is_(None) if account_id is None else stops.c.account_id == account_id


def _stop(row: Row[Any]) -> Stop:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return Stop(**{**values, "in_doubt": tuple(values["in_doubt"])})


def _item(row: Row[Any]) -> Item:
    values = dict(row._mapping)  # noqa: SLF001 - as above
    for name in ("pause_state", "resume_state"):
        values[name] = None if values[name] is None else ActionState(values[name])
    return Item(**{**values, "object_kind": ObjectKind(values["object_kind"])})
