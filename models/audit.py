"""The audit: who did what, when, in the transaction of the change itself. One table, only ever added to.

Every account has a chain of its own and the house has one, each row hashed over the one before it. Appending takes
the chain's place in line until the caller's transaction ends: take other locks (the cap lock above all) before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, text

from domain.actions import ActionState, Json, JsonMap
from domain.ids import AccountId, ActionId
from models.cleaning import json_document

HOUSE: Final = 0  # the chain of what concerns no single account
_APPEND = text("SELECT audit_append(:chain, CAST(:told AS jsonb))")
_NOTHING: Final[Mapping[str, Json]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something that happened, on its way into the audit. Events are dotted words, such as "fence.closed"."""

    actor: str
    event: str
    action_id: ActionId | None = None
    before: ActionState | None = None
    after: ActionState | None = None
    epoch: int | None = None
    detail: JsonMap = field(default_factory=dict)


def note(
    conn: Connection,
    *,
    actor: str,
    event: str,
    account_id: AccountId | None = None,
    action_id: ActionId | None = None,
    detail: JsonMap = _NOTHING,
) -> None:
    """Tell what was changed, in the transaction of the change; without an account it goes into the house's chain."""
    append(conn, account_id, [Line(actor=actor, event=event, action_id=action_id, detail=detail)])


def append(conn: Connection, account_id: AccountId | None, lines: Sequence[Line]) -> None:
    """Tell several things at once, in their order."""
    if lines:
        told = json_document([_row(line) for line in lines])
        conn.execute(_APPEND, {"chain": HOUSE if account_id is None else account_id, "told": told})


def _row(line: Line) -> dict[str, Json]:
    return {
        "actor": line.actor,
        "event": line.event,
        "action_id": line.action_id,
        "before_state": line.before,
        "after_state": line.after,
        "epoch": line.epoch,
        "detail": dict(line.detail),
    }


def keep(conn: Connection) -> tuple[str, ...]:
    """Make the partitions of the days ahead, and drop those whose youngest row is 90 days old; return their names.

    By Postgres' clock, which also refuses anything younger. To be called hourly: a row is then gone within 97 days.
    """
    conn.execute(text("SELECT audit_prepare()"))
    dropped = conn.execute(text("SELECT audit_drop_before(clock_timestamp() - interval '90 days')")).scalar_one()
    return tuple(dropped)
