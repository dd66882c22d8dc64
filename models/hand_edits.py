"""The store of what people changed by hand: each edit once, and until when its object is left alone.

Whether an edit is a person's, and whether we went over it, is judged in `actions/people.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Row, and_, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from domain.actions import Json, JsonMap, ObjectKind
from domain.clock import require_aware
from domain.ids import AccountId, ActionId
from models.cleaning import clean_text
from models.tables import actions, hand_edits
from models.tables.hand_edits import FoundBy

__all__ = ["FoundBy", "HandEdit", "HandsOff", "Noted", "ReadToWrite", "hands_off", "listing", "record", "release"]

ObjectKey: TypeAlias = tuple[ObjectKind, str]
_AT_ONCE: Final = 1_000  # rows in one statement
_LONGEST: Final = 400  # of a text among the values: they are part of what tells two edits apart


@dataclass(frozen=True, slots=True, kw_only=True)
class HandEdit:
    """One edit as it was found. `edited_at` is the platform's clock, to the second where the platform tells no more."""

    object_kind: ObjectKind
    object_id: str
    event: str
    edited_at: datetime
    found_by: FoundBy
    actor_id: str = ""
    actor_name: str = ""
    before: JsonMap = field(default_factory=dict)
    after: JsonMap = field(default_factory=dict)
    action_id: ActionId | None = None  # ours that met it


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """An edit on record. `hands_off_until` is the platform's clock; `found_at` and `released_at` are Postgres'."""

    id: int
    account_id: AccountId
    edit: HandEdit
    hands_off_until: datetime
    found_at: datetime
    released_at: datetime | None
    released_by: str | None
    release_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandsOff:
    """Until when an object is left alone, for whose edit."""

    until: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadToWrite:
    """How long the window was in which an edit could be overwritten unseen; None where nothing was sent yet."""

    writes: int
    p50_ms: int | None
    p99_ms: int | None
    max_ms: int | None
    overwritten: int


def record(conn: Connection, account_id: AccountId, edits: Sequence[HandEdit], *, rest: timedelta) -> tuple[Noted, ...]:
    """Write edits down; return those that are news: unknown before, or only now known to have been overwritten.

    Recording the same again changes nothing; what a person released stays released.
    """
    distinct = {_identity(edit): _values(account_id, edit, rest) for edit in sorted(edits, key=_weight)}
    rows = list(distinct.values())
    row = insert(hand_edits)
    upsert = row.on_conflict_do_update(
        constraint="uq_hand_edits_edit",
        set_={"found_by": row.excluded.found_by, "action_id": row.excluded.action_id},
        where=and_(row.excluded.found_by == FoundBy.OVERWRITTEN, hand_edits.c.found_by != FoundBy.OVERWRITTEN),
    )
    parts = [rows[begin : begin + _AT_ONCE] for begin in range(0, len(rows), _AT_ONCE)]
    found = [one for part in parts for one in conn.execute(upsert.values(part).returning(hand_edits))]
    return tuple(_noted(one) for one in found)


def hands_off(
    conn: Connection, account_id: AccountId, keys: Sequence[ObjectKey] | None, now: datetime
) -> Mapping[ObjectKey, HandsOff]:
    """Find what is left alone at the platform's instant `now`, among some objects or (None) in the whole account."""
    query = (
        select(hand_edits.c.object_kind, hand_edits.c.object_id, hand_edits.c.hands_off_until, hand_edits.c.actor_name)
        .where(
            hand_edits.c.account_id == account_id,
            hand_edits.c.released_at.is_(None),
            hand_edits.c.hands_off_until > require_aware("now", now),
        )
        .order_by(hand_edits.c.hands_off_until, hand_edits.c.id)
    )
    if keys is not None:
        wanted = tuple_(hand_edits.c.object_kind, hand_edits.c.object_id)
        query = query.where(wanted.in_([(str(kind), object_id) for kind, object_id in keys]))
    return {
        (ObjectKind(kind), object_id): HandsOff(until=until, by=name or "somebody")
        for kind, object_id, until, name in conn.execute(query)
    }


def listing(conn: Connection, account_id: AccountId | None = None, limit: int = 50) -> tuple[Noted, ...]:
    """Read edits: those that we went over first, then the newest."""
    lost = hand_edits.c.found_by == FoundBy.OVERWRITTEN
    query = select(hand_edits).order_by(lost.desc(), hand_edits.c.edited_at.desc(), hand_edits.c.id.desc()).limit(limit)
    if account_id is not None:
        query = query.where(hand_edits.c.account_id == account_id)
    return tuple(_noted(row) for row in conn.execute(query))


def release(conn: Connection, account_id: AccountId, object_id: str, *, by: str, reason: str) -> tuple[Noted, ...]:
    """Let the object be changed again before its rest is over; returns the edits that no longer hold it."""
    change = (
        update(hand_edits)
        .where(
            hand_edits.c.account_id == account_id,
            hand_edits.c.object_id == object_id,
            hand_edits.c.released_at.is_(None),
        )
        .values(released_at=func.clock_timestamp(), released_by=clean_text(by), release_reason=clean_text(reason))
        .returning(hand_edits)
    )
    return tuple(_noted(row) for row in conn.execute(change))


def read_to_write(conn: Connection, account_id: AccountId | None = None) -> ReadToWrite:
    """Sum up the measured windows between the fresh reading and the write, and how often an edit fell into one."""
    ms = actions.c.read_to_write_ms
    figures = select(
        func.count(ms),
        func.percentile_disc(0.5).within_group(ms),
        func.percentile_disc(0.99).within_group(ms),
        func.max(ms),
    )
    lost = select(func.count()).select_from(hand_edits).where(hand_edits.c.found_by == FoundBy.OVERWRITTEN)
    if account_id is not None:
        figures = figures.where(actions.c.account_id == account_id)
        lost = lost.where(hand_edits.c.account_id == account_id)
    writes, p50, p99, most = conn.execute(figures).one()
    overwritten = conn.execute(lost).scalar_one()
    return ReadToWrite(writes=writes, p50_ms=p50, p99_ms=p99, max_ms=most, overwritten=overwritten)


def sent_on(
    conn: Connection, account_id: AccountId, keys: Sequence[ObjectKey], since: datetime
) -> tuple[Row[tuple[Any, ...]], ...]:
    """Read our writes on some objects since the platform's instant, oldest first.

    Columns: id, object_kind, object_id, expected_before, target, state, sent_platform_at, read_to_write_ms.
    """
    names = ("id", "object_kind", "object_id", "expected_before", "target", "state", "sent_platform_at")
    query = (
        select(*(actions.c[name] for name in names), actions.c.read_to_write_ms)
        .where(
            actions.c.account_id == account_id,
            tuple_(actions.c.object_kind, actions.c.object_id).in_([(str(kind), one) for kind, one in keys]),
            actions.c.sent_platform_at >= require_aware("since", since),
        )
        .order_by(actions.c.sent_platform_at, actions.c.id)
    )
    return tuple(conn.execute(query)) if keys else ()


def _identity(edit: HandEdit) -> tuple[object, ...]:
    after = tuple(sorted((name, repr(value)) for name, value in _clean(edit.after).items()))
    return edit.object_kind, edit.object_id, edit.edited_at, edit.event, edit.actor_id, after


def _weight(edit: HandEdit) -> bool:
    """Of two tellings of one edit the one that says most is kept: that we went over it."""
    return edit.found_by is FoundBy.OVERWRITTEN


def _values(account_id: AccountId, edit: HandEdit, rest: timedelta) -> dict[str, object]:
    edited_at = require_aware("edited_at", edit.edited_at)
    return {
        "account_id": account_id,
        "object_kind": edit.object_kind,
        "object_id": edit.object_id,
        "event": clean_text(edit.event),
        "actor_id": clean_text(edit.actor_id),
        "actor_name": clean_text(edit.actor_name),
        "before": _clean(edit.before),
        "after": _clean(edit.after),
        "edited_at": edited_at,
        "hands_off_until": edited_at + rest,
        "found_by": edit.found_by,
        "action_id": edit.action_id,
    }


def _clean(values: JsonMap) -> dict[str, Json]:
    return {name: clean_text(value)[:_LONGEST] if isinstance(value, str) else value for name, value in values.items()}


def _noted(row: Row[Any]) -> Noted:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    edit = HandEdit(
        object_kind=ObjectKind(values["object_kind"]),
        object_id=values["object_id"],
        event=values["event"],
        edited_at=values["edited_at"],
        found_by=FoundBy(values["found_by"]),
        actor_id=values["actor_id"],
        actor_name=values["actor_name"],
        before=values["before"],
        after=values["after"],
        action_id=None if values["action_id"] is None else ActionId(values["action_id"]),
    )
    kept = ("id", "account_id", "hands_off_until", "found_at", "released_at", "released_by", "release_reason")
    return Noted(edit=edit, **{name: values[name] for name in kept})
