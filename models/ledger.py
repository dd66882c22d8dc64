"""The ledger of actions, one row at a time: claims and changes of state, each told in the audit as it is made.

Thin over `ledger_claims` and `ledger_moves`, which do the same for many. What a state means and when it is reached is
decided in `actions`.
"""

from datetime import datetime

from sqlalchemy import Connection

from domain.actions import Action, ActionState, JsonMap
from domain.ids import ActionId
from models import ledger_claims, ledger_moves
from models.ledger_drafts import Draft, insert_drafts
from models.ledger_reads import events, get, listing

__all__ = [
    "Draft",
    "admit",
    "claim",
    "events",
    "get",
    "insert_drafts",
    "listing",
    "mark_sent",
    "note",
    "put_back",
    "release",
    "settle",
]


def claim(conn: Connection, action_id: ActionId, *, owner: str, lease_s: float) -> Action | None:
    """Take an action that is due and that nobody holds; None if it is not, or somebody is faster."""
    claimed = ledger_claims.claim(conn, action_id, owner=owner, lease_s=lease_s)
    return claimed[0] if claimed else None


def admit(conn: Connection, action: Action, *, actor: str, detail: JsonMap) -> Action:
    """Let an action that waited for approval be sent; its room under the caps is taken as it is."""
    return ledger_moves.move_one(conn, ledger_moves.admitted(action, detail=detail), actor=actor)


def mark_sent(
    conn: Connection, action: Action, *, actor: str, deadline_s: float, reserved_minor: int, platform_at: datetime
) -> Action:
    """Write ahead: from the commit on the platform may have it. The send must begin within `deadline_s`."""
    sent = ledger_moves.sent(action, deadline_s=deadline_s, reserved_minor=reserved_minor, platform_at=platform_at)
    return ledger_moves.move_one(conn, sent, actor=actor)


def put_back(conn: Connection, action: Action, *, actor: str, reason: str, wait_s: float) -> Action:
    """Give a sent action of which nothing left this machine, or had any effect, back to be sent again."""
    return ledger_moves.move_one(conn, ledger_moves.put_back(action, reason=reason, wait_s=wait_s), actor=actor)


def release(conn: Connection, action: Action, *, actor: str, reason: str, wait_s: float) -> Action:
    """Let go of a claimed action as it is, to be claimed again in `wait_s`."""
    return ledger_moves.move_one(conn, ledger_moves.released(action, reason=reason, wait_s=wait_s), actor=actor)


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
    """Bring an action to a terminal state. Its reservation is freed; of an applied one the mirror tells from now on.

    An unknown one that is given up as dead keeps it.

    Raises:
        LostClaimError: the row is no longer as we know it.
    """
    settled = ledger_moves.settled(
        action, after, reason=reason, event=event, object_id=result_object_id, error=last_error, detail=detail
    )
    return ledger_moves.move_one(conn, settled, actor=actor)


def note(conn: Connection, action: Action, *, actor: str, event: str, detail: JsonMap | None = None) -> None:
    """Add an event that changes no state."""
    told = ledger_moves.Note(action=action, state=action.state, event=event, detail=detail or {})
    ledger_moves.tell(conn, [told], actor=actor)
