"""A person's yes to one exact request: bound to its hash, single use, expiring, by somebody else than the proposer."""

from sqlalchemy import Connection

from domain.actions import Action


def missing(conn: Connection, action: Action) -> str | None:  # noqa: ARG001 - the store comes with the verbs
    """Say why an action that needs approval may not be sent now; None = it stands. Called under the cap lock."""
    if not action.needs_approval:
        return None
    return f"action {action.id} needs a person's approval, and none stands"
