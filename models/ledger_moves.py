"""Changes of state of actions that we hold, many in one statement, each told in the audit in the same transaction.

Every change says `id AND epoch AND state`: a row that was lost is missing from the answer and nothing is written of
it. Spans are counted on Postgres' clock, in SQL. What a state means and when it is reached is decided in `actions`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from sqlalchemy import Connection, func, or_, select, text, tuple_

from domain.actions import TERMINAL, Action, ActionState, Json, JsonMap
from domain.errors import LostClaimError
from domain.ids import ActionId
from models import audit
from models.cleaning import json_document
from models.ledger_rows import ACTION_COLUMNS, to_action
from models.tables import actions

_FREE = "lease_owner = NULL, lease_until = NULL, crash_count = 0"
_IN_A_WHILE = "clock_timestamp() + make_interval(secs => m.wait_s)"
_ANSWER = "read_to_write_ms = coalesce(m.read_to_write_ms, a.read_to_write_ms)"


class _Shape(Enum):
    """Which columns are written along with the state."""

    SENT = (
        "attempts = a.attempts + 1, cap_reserved_minor = m.reserved_minor, sent_at = clock_timestamp(),"
        f" sent_platform_at = m.platform_at, send_deadline_at = {_IN_A_WHILE}"
    )
    PUT_BACK = f"{_FREE}, next_at = {_IN_A_WHILE}, sent_at = NULL, sent_platform_at = NULL, send_deadline_at = NULL"
    UNKNOWN = (
        f"{_FREE}, next_at = {_IN_A_WHILE}, quarantine_until = {_IN_A_WHILE}, result_object_id = m.object_id,"
        f" last_error = m.error, {_ANSWER}"
    )
    ABANDONED = (
        f"{_FREE}, next_at = coalesce(a.send_deadline_at, clock_timestamp()) + make_interval(secs => m.wait_s),"
        " quarantine_until = coalesce(a.send_deadline_at, clock_timestamp()) + make_interval(secs => m.wait_s)"
    )
    UNSEEN = f"{_FREE}, next_at = {_IN_A_WHILE}, looks = a.looks + 1"
    ADMITTED = "next_at = clock_timestamp()"
    SETTLED = (
        # an unknown one that is given up may have taken effect all the same, and keeps its room under the caps
        f"{_FREE}, next_at = clock_timestamp(), finished_at = clock_timestamp(), cap_reserved_minor ="
        " CASE WHEN a.state = 'unknown' AND m.after_state = 'dead' THEN a.cap_reserved_minor ELSE 0 END,"
        " result_object_id = coalesce(m.object_id, a.result_object_id), last_error = coalesce(m.error, a.last_error),"
        f" {_ANSWER}"
    )
    RELEASED = f"{_FREE}, next_at = {_IN_A_WHILE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that is told of an action besides its move; it changes no state."""

    action: Action
    state: ActionState
    event: str
    detail: JsonMap = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step of an action, `action` as we know it. Made by the functions below."""

    action: Action
    after: ActionState
    event: str
    shape: _Shape
    reason: str = ""
    detail: JsonMap = field(default_factory=dict)
    wait_s: float = 0.0
    reserved_minor: int = 0
    platform_at: datetime | None = None
    object_id: str | None = None
    error: JsonMap | None = None
    read_to_write_ms: int | None = None


def sent(action: Action, *, deadline_s: float, reserved_minor: int, platform_at: datetime) -> Move:
    """Write ahead: from the commit on the platform may have it. The send must begin within `deadline_s`."""
    return Move(
        action=action,
        after=ActionState.SENT,
        event="sent",
        shape=_Shape.SENT,
        wait_s=deadline_s,
        reserved_minor=reserved_minor,
        platform_at=platform_at,
    )


def put_back(action: Action, *, reason: str, wait_s: float) -> Move:
    """Give a sent action of which nothing left this machine, or had any effect, back to be sent again."""
    return Move(
        action=action,
        after=ActionState.APPROVED,
        event="put_back",
        shape=_Shape.PUT_BACK,
        reason=reason,
        wait_s=wait_s,
    )


def unknown(
    action: Action,
    *,
    reason: str,
    quarantine_s: float,
    object_id: str | None,
    error: JsonMap | None,
    read_to_write_ms: int | None = None,
) -> Move:
    """The platform may or may not have it; nobody looks before `quarantine_s` from now are over."""
    return Move(
        action=action,
        after=ActionState.UNKNOWN,
        event="unknown",
        shape=_Shape.UNKNOWN,
        reason=reason,
        wait_s=quarantine_s,
        object_id=object_id,
        error=error,
        read_to_write_ms=read_to_write_ms,
    )


def abandoned(action: Action, *, reason: str, after_deadline_s: float) -> Move:
    """Take over a sent action whose executor died: unknown, in quarantine until `after_deadline_s` past its deadline.

    Its send may have begun as late as the send deadline, so the seconds count from there.
    """
    return Move(
        action=action,
        after=ActionState.UNKNOWN,
        event="abandoned",
        shape=_Shape.ABANDONED,
        reason=reason,
        wait_s=after_deadline_s,
    )


def settled(
    action: Action,
    after: ActionState,
    *,
    reason: str,
    event: str | None = None,
    object_id: str | None = None,
    error: JsonMap | None = None,
    detail: JsonMap | None = None,
    read_to_write_ms: int | None = None,
) -> Move:
    """Bring an action to a terminal state. Its reservation is freed; of an applied one the mirror tells from now on.

    Raises:
        ValueError: the state is not terminal.
    """
    if after not in TERMINAL:
        raise ValueError(f"{after} is not terminal")
    return Move(
        action=action,
        after=after,
        event=event or after,
        shape=_Shape.SETTLED,
        reason=reason,
        detail=detail or {},
        object_id=object_id,
        error=error,
        read_to_write_ms=read_to_write_ms,
    )


def released(action: Action, *, reason: str, wait_s: float) -> Move:
    """Let go of a claimed action as it is, to be claimed again in `wait_s`."""
    return Move(
        action=action, after=action.state, event="released", shape=_Shape.RELEASED, reason=reason, wait_s=wait_s
    )


def unseen(action: Action, *, reason: str, wait_s: float) -> Move:
    """Let go of an unknown action whose effect was looked for in vain; it stays unknown for `wait_s` at least."""
    return Move(action=action, after=action.state, event="not_seen", shape=_Shape.UNSEEN, reason=reason, wait_s=wait_s)


def admitted(action: Action, *, detail: JsonMap) -> Move:
    """Let an action that waited for approval be sent; its room under the caps is taken as it is."""
    return Move(action=action, after=ActionState.APPROVED, event="approval.given", shape=_Shape.ADMITTED, detail=detail)


def move(conn: Connection, moves: Sequence[Move], *, actor: str) -> Mapping[ActionId, Action]:
    """Make the moves of one account's actions and tell them; rows that are no longer as we know them are missing."""
    moved = change(conn, moves)
    tell(conn, [each for each in moves if each.action.id in moved], actor=actor)
    return moved


def move_free(conn: Connection, moves: Sequence[Move], *, actor: str) -> Mapping[ActionId, Action]:
    """Make the moves of rows that nobody holds or is changing; the others are missing from the answer.

    It waits for none, so that it may come after lines of the audit in the same transaction.
    """
    known = [(each.action.id, each.action.epoch, each.action.state) for each in moves]
    is_free = or_(actions.c.lease_until.is_(None), actions.c.lease_until <= func.clock_timestamp())
    query = select(actions.c.id).where(tuple_(actions.c.id, actions.c.epoch, actions.c.state).in_(known), is_free)
    free = {row[0] for row in conn.execute(query.with_for_update(skip_locked=True))}
    return move(conn, [each for each in moves if each.action.id in free], actor=actor)


def change(conn: Connection, moves: Sequence[Move]) -> Mapping[ActionId, Action]:
    """Make the moves; `tell` of those that were made must follow in the same transaction, after every other change.

    So rows are locked first and the audit's place in line is taken last: no two such transactions can wait for each
    other in turn.
    """
    moved: dict[ActionId, Action] = {}
    for shape in dict.fromkeys(each.shape for each in moves):
        moved.update(_update(conn, shape, [each for each in moves if each.shape is shape]))
    return moved


def tell(conn: Connection, events: Sequence[Move | Note], *, actor: str) -> None:
    """Write into the audit what happened to one account's actions."""
    if events:
        audit.append(conn, events[0].action.account_id, [_line(each, actor) for each in events])


def move_one(conn: Connection, one: Move, *, actor: str) -> Action:
    """Make one move.

    Raises:
        LostClaimError: the row is no longer as we know it.
    """
    moved = move(conn, [one], actor=actor)
    if not moved:
        action = one.action
        raise LostClaimError(f"action {action.id} is no longer {action.state} at epoch {action.epoch}")
    return moved[one.action.id]


_STATEMENTS = {
    shape: text(
        f"""
        UPDATE actions a SET state = m.after_state, state_reason = m.reason, {shape.value}
        FROM json_to_recordset(CAST(:moves AS json)) AS m (
            id bigint, epoch int, before_state text, after_state text, reason text, wait_s float8,
            reserved_minor bigint, platform_at timestamptz, object_id text, error jsonb, read_to_write_ms int
        )
        WHERE a.id = m.id AND a.epoch = m.epoch AND a.state = m.before_state
        RETURNING {", ".join(f"a.{column.name}" for column in ACTION_COLUMNS)}
        """  # noqa: S608 - texts of this file only
    ).columns(*ACTION_COLUMNS)
    for shape in _Shape
}


def _update(conn: Connection, shape: _Shape, moves: Iterable[Move]) -> dict[ActionId, Action]:
    rows = conn.execute(_STATEMENTS[shape], {"moves": json_document([_row(each) for each in moves])}).mappings()
    return {action.id: action for action in map(to_action, rows)}


def _row(each: Move) -> dict[str, Json]:
    return {
        "id": each.action.id,
        "epoch": each.action.epoch,
        "before_state": each.action.state,
        "after_state": each.after,
        "reason": each.reason,
        "wait_s": each.wait_s,
        "reserved_minor": each.reserved_minor,
        "platform_at": None if each.platform_at is None else each.platform_at.isoformat(),
        "object_id": each.object_id,
        "error": None if each.error is None else dict(each.error),
        "read_to_write_ms": each.read_to_write_ms,
    }


def _line(each: Move | Note, actor: str) -> audit.Line:
    if isinstance(each, Note):
        before, after, told = each.state, each.state, each.detail
    else:
        before, after = each.action.state, each.after
        told = {**each.detail, **({"reason": each.reason} if each.reason else {})}
    return audit.Line(
        actor=actor,
        event=each.event,
        action_id=each.action.id,
        before=before,
        after=after,
        epoch=each.action.epoch,
        detail=told,
    )
