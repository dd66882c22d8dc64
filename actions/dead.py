"""Gives a dead letter another life, by a person who has looked: never as if nothing had happened.

What was never sent is approved again and judged again before it goes; what may have been sent is read back first.
"""

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from domain.actions import Action, ActionState
from domain.errors import BadInputError
from domain.ids import ActionId
from domain.permissions import Permission, Principal, require
from models import dead


def requeue(conn: Connection, by: Principal, action_id: ActionId, *, reason: str) -> Action:
    """Let executors have the action again; in the caller's transaction.

    Raises:
        NotAllowedError: `by` may not requeue.
        BadInputError: it is not dead, the reason is empty, or another action on its object is open.
    """
    require(by, Permission.REQUEUE)
    if not reason.strip():
        raise BadInputError("a reason is needed: --reason 'the worker had no memory'")
    letter = dead.get(conn, action_id)
    if letter is None:
        raise BadInputError(f"action {action_id} is not dead; `stakazo actions dead list` shows those that are")
    after = ActionState.UNKNOWN if letter.was_sent else ActionState.APPROVED
    try:
        with conn.begin_nested():
            return dead.revive(conn, letter.action, after, actor=by.name, reason=reason.strip())
    except IntegrityError as error:
        if "uq_actions_open" not in str(error.orig):
            raise
        thing = f"{letter.action.object_kind} {letter.action.object_id}"
        raise BadInputError(
            f"another action on {thing} is open; requeue action {action_id} once that has its outcome"
        ) from None
