"""The ledger of actions: rows, claims and changes of state, each with its event in the same transaction.

Every change says `WHERE id AND epoch AND state`: who lost the row writes nothing. Leases, deadlines and quarantines
are counted on Postgres' clock, in SQL. What a state means and when it is reached is decided in `actions`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Interval, func, null, or_, select, update

from domain.actions import IN_FLIGHT, TERMINAL, Action, ActionState, JsonMap
from domain.errors import LostClaimError
from domain.ids import AccountId, ActionId
from models import audit
from models.ledger_drafts import Draft, insert_drafts
from models.ledger_reads import events, get, listing
from models.ledger_rows import ACTION_COLUMNS, to_action
from models.tables import Instant, actions

__all__ = [
    "Draft",
    "admit",
    "claim",
    "events",
    "get",
    "insert_drafts",
    "listing",
    "mark_abandoned",
    "mark_sent",
    "mark_unknown",
    "note",
    "note_unseen",
    "postpone_account",
    "put_back",
    "release",
    "settle",
]

_NOW = func.clock_timestamp(type_=Instant)


def claim(conn: Connection, action_id: ActionId, *, owner: str, lease_s: float) -> Action | None:
    """Take an action that is due and that nobody holds; None if it is not, or somebody is faster.

    The crash count grows before the work and is reset by whoever ends it in order.
    """
    due = (
        select(actions.c.id)
        .where(
            actions.c.id == action_id,
            actions.c.state.in_(IN_FLIGHT),
            actions.c.next_at <= _NOW,
            or_(actions.c.lease_until.is_(None), actions.c.lease_until <= _NOW),
        )
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    row = conn.execute(
        update(actions)
        .where(actions.c.id == due)
        .values(
            epoch=actions.c.epoch + 1,
            crash_count=actions.c.crash_count + 1,
            lease_owner=owner,
            lease_until=_in_seconds(lease_s),
        )
        .returning(*ACTION_COLUMNS)
    ).first()
    if row is None:
        return None
    action = to_action(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    note(conn, action, actor=owner, event="claimed")
    return action


def admit(conn: Connection, action: Action, *, actor: str, detail: JsonMap) -> Action:
    """Let an action that waited for approval be sent; its room under the caps is taken as it is."""
    values = {"next_at": _NOW}
    return _move(
        conn, action, ActionState.APPROVED, actor=actor, event="approval.given", reason="", values=values, detail=detail
    )


def mark_sent(
    conn: Connection, action: Action, *, actor: str, deadline_s: float, reserved_minor: int, platform_at: datetime
) -> Action:
    """Write ahead: from the commit on the platform may have it. The send must begin within `deadline_s`."""
    values = {
        "attempts": actions.c.attempts + 1,
        "cap_reserved_minor": reserved_minor,
        "sent_at": _NOW,
        "sent_platform_at": platform_at,
        "send_deadline_at": _in_seconds(deadline_s),
    }
    return _move(conn, action, ActionState.SENT, actor=actor, event="sent", reason="", values=values)


def put_back(conn: Connection, action: Action, *, actor: str, reason: str, wait_s: float) -> Action:
    """Give a sent action of which nothing left this machine, or had any effect, back to be sent again."""
    values = _released(wait_s) | {"sent_at": None, "sent_platform_at": None, "send_deadline_at": None}
    return _move(conn, action, ActionState.APPROVED, actor=actor, event="put_back", reason=reason, values=values)


def mark_unknown(
    conn: Connection,
    action: Action,
    *,
    actor: str,
    reason: str,
    quarantine_s: float,
    result_object_id: str | None,
    last_error: JsonMap | None,
) -> Action:
    """The platform may or may not have it; nobody looks before `quarantine_s` from now are over."""
    until = _in_seconds(quarantine_s)
    values = _released(0) | {"quarantine_until": until, "next_at": until, "result_object_id": result_object_id}
    values["last_error"] = null() if last_error is None else dict(last_error)
    return _move(conn, action, ActionState.UNKNOWN, actor=actor, event="unknown", reason=reason, values=values)


def mark_abandoned(conn: Connection, action: Action, *, actor: str, reason: str, after_deadline_s: float) -> Action:
    """Take over a sent action whose executor died: unknown, in quarantine until `after_deadline_s` past its deadline.

    Its send may have begun as late as the send deadline, so the seconds count from there.
    """
    until = func.coalesce(actions.c.send_deadline_at, _NOW) + _interval(after_deadline_s)
    values = _released(0) | {"quarantine_until": until, "next_at": until}
    return _move(conn, action, ActionState.UNKNOWN, actor=actor, event="abandoned", reason=reason, values=values)


def settle(
    conn: Connection,
    action: Action,
    after: ActionState,
    *,
    actor: str,
    reason: str,
    event: str | None = None,
    result_object_id: str | None = None,
    last_error: JsonMap | None = None,
    detail: JsonMap | None = None,
) -> Action:
    """Bring an action to a terminal state. Its reservation is freed; of an applied one the mirror tells from now on."""
    if after not in TERMINAL:
        raise ValueError(f"{after} is not terminal")
    values: dict[str, Any] = _released(0) | {"finished_at": _NOW}
    if (action.state, after) != (ActionState.UNKNOWN, ActionState.DEAD):  # it may have taken effect all the same
        values["cap_reserved_minor"] = 0
    if result_object_id is not None:
        values["result_object_id"] = result_object_id
    if last_error is not None:
        values["last_error"] = dict(last_error)
    return _move(conn, action, after, actor=actor, event=event or after, reason=reason, values=values, detail=detail)


def release(conn: Connection, action: Action, *, actor: str, reason: str, wait_s: float) -> Action:
    """Let go of a claimed action as it is, to be claimed again in `wait_s`."""
    values = _released(wait_s)
    return _move(conn, action, action.state, actor=actor, event="released", reason=reason, values=values)


def note_unseen(conn: Connection, action: Action, *, actor: str, reason: str, wait_s: float) -> Action:
    """Let go of an unknown action whose effect was looked for in vain; it stays unknown for `wait_s` at least."""
    values = _released(wait_s) | {"looks": actions.c.looks + 1}
    return _move(conn, action, action.state, actor=actor, event="not_seen", reason=reason, values=values)


def postpone_account(conn: Connection, account_id: AccountId, *, wait_s: float) -> None:
    """Let no approved action of the account that nobody holds be claimed before `wait_s` are over."""
    until = _in_seconds(wait_s)
    conn.execute(
        update(actions)
        .where(
            actions.c.account_id == account_id,
            actions.c.state == ActionState.APPROVED,
            actions.c.lease_until.is_(None),
            actions.c.next_at < until,
        )
        .values(next_at=until)
    )


def note(conn: Connection, action: Action, *, actor: str, event: str, detail: JsonMap | None = None) -> None:
    """Add an event that changes no state."""
    _record(conn, action, actor=actor, event=event, after=action.state, detail=detail or {})


def _move(
    conn: Connection,
    action: Action,
    after: ActionState,
    *,
    actor: str,
    event: str,
    reason: str,
    values: Mapping[str, object],
    detail: JsonMap | None = None,
) -> Action:
    row = conn.execute(
        update(actions)
        .where(actions.c.id == action.id, actions.c.epoch == action.epoch, actions.c.state == action.state)
        .values({"state": after, "state_reason": reason, **values})
        .returning(*ACTION_COLUMNS)
    ).first()
    if row is None:
        raise LostClaimError(f"action {action.id} is no longer {action.state} at epoch {action.epoch}")
    told = {**(detail or {}), **({"reason": reason} if reason else {})}
    _record(conn, action, actor=actor, event=event, after=after, detail=told)
    return to_action(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


def _record(conn: Connection, action: Action, *, actor: str, event: str, after: ActionState, detail: JsonMap) -> None:
    line = audit.Line(
        actor=actor,
        event=event,
        action_id=action.id,
        before=action.state,
        after=after,
        epoch=action.epoch,
        detail=detail,
    )
    audit.append(conn, action.account_id, [line])


def _released(wait_s: float) -> dict[str, Any]:
    return {"lease_owner": None, "lease_until": None, "crash_count": 0, "next_at": _in_seconds(wait_s)}


def _interval(seconds: float) -> ColumnElement[Any]:
    return func.make_interval(0, 0, 0, 0, 0, 0, seconds, type_=Interval())


def _in_seconds(seconds: float) -> ColumnElement[Any]:
    return _NOW + _interval(seconds)
