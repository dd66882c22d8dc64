"""The list of what an emergency stop paused, or was to pause: all that may be resumed after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.actions import IN_FLIGHT, RECORDED_ONLY, Action, ActionKind, ActionState, ObjectKind
from domain.ids import AccountId, ActionId, StopId
from models.tables import Instant, actions, stop_items, stops

_NOW = func.clock_timestamp(type_=Instant)


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


def add(conn: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Put objects on a stop's list; those that are on it stay as they are."""
    if rows:
        conn.execute(insert(stop_items).on_conflict_do_nothing(), [dict(row) for row in rows])


def pause_anew(conn: Connection, stop_id: StopId, account_id: AccountId, pause: Action) -> None:
    """Let another action pause an object of a stop's list, the one before having come to nothing."""
    conn.execute(
        update(stop_items)
        .where(
            stop_items.c.stop_id == stop_id,
            stop_items.c.account_id == account_id,
            stop_items.c.object_kind == pause.object_kind,
            stop_items.c.object_id == pause.object_id,
        )
        .values(action_id=pause.id)
    )


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


def listing(conn: Connection, stop_id: StopId) -> tuple[Item, ...]:
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
    return tuple(_item(row) for row in conn.execute(query).mappings())


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


def note_resumed(conn: Connection, item: Item, *, action_id: ActionId | None = None, note: str | None = None) -> None:
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
    """Pauses of a stop that have no outcome yet, with the seconds until they may be looked at."""
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


def _item(row: RowMapping) -> Item:
    values = dict(row)
    for name in ("pause_state", "resume_state"):
        values[name] = None if values[name] is None else ActionState(values[name])
    return Item(**{**values, "object_kind": ObjectKind(values["object_kind"])})
